// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linux

package gpu

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

const (
	// eventWait (ms) is how long one wait for an event takes, and so how long
	// the end of the watcher may take.
	eventWait = 500
	// maxXIDs bounds the codes that are told apart for each GPU.
	maxXIDs = 64
)

// xids counts the XID errors of all GPUs, across openings of the driver: NVML
// tells each once, to whoever waits.
type xids struct {
	mu  sync.Mutex
	all map[string][]XID // by UUID
}

func (x *xids) count(uuid string, code int, at time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	list := x.all[uuid]
	for i := range list {
		if list[i].Code == code {
			list[i].N++
			list[i].Last = at
			return
		}
	}
	if len(list) < maxXIDs {
		x.all[uuid] = append(list, XID{Code: code, N: 1, Last: at})
	}
}

func (x *xids) of(uuid string) []XID {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]XID(nil), x.all[uuid]...)
}

// watcher waits for events of one opening of the driver.
type watcher struct {
	stop atomic.Bool
	done chan struct{}
}

// watch begins to wait for XID errors, nil where the driver has no events.
func (d *driver) watch() *watcher {
	// Its calls run beside those of the sampler: it looks functions up itself.
	own := &driver{lib: d.lib, has: map[string]bool{}}
	lib := own.lib
	set := read(own, "nvmlEventSetCreate", lib.EventSetCreate)
	n := read(own, "nvmlDeviceGetCount_v2", lib.DeviceGetCount)
	if set == nil || n == nil || !own.can("nvmlEventSetWait_v2") {
		return nil
	}
	uuids := map[nvml.Device]string{} // a GPU that is lost cannot be asked any more
	for i := range *n {
		handle := read(own, "nvmlDeviceGetHandleByIndex_v2", func() (nvml.Device, nvml.Return) { return lib.DeviceGetHandleByIndex(i) })
		if handle == nil {
			continue
		}
		dev := *handle
		has := read(own, "nvmlDeviceGetSupportedEventTypes", dev.GetSupportedEventTypes)
		if has == nil || *has&nvml.EventTypeXidCriticalError == 0 {
			continue
		}
		uuid := read(own, "nvmlDeviceGetUUID", dev.GetUUID)
		taken := read(own, "nvmlDeviceRegisterEvents", func() (bool, nvml.Return) {
			return true, dev.RegisterEvents(nvml.EventTypeXidCriticalError, *set)
		})
		if uuid != nil && taken != nil {
			uuids[dev] = *uuid
		}
	}
	w := &watcher{done: make(chan struct{})}
	go func() {
		defer close(w.done)
		for !w.stop.Load() {
			e := read(own, "nvmlEventSetWait_v2", func() (nvml.EventData, nvml.Return) { return lib.EventSetWait(*set, eventWait) })
			if e == nil {
				if own.again {
					return // the sampler will notice, and open the driver again
				}
				continue
			}
			if uuid := uuids[e.Device]; uuid != "" {
				d.xids.count(uuid, int(e.EventData), time.Now())
				d.log.Warn("a GPU reports an XID error; see NVIDIA's XID catalog for what to do", "uuid", uuid, "xid", e.EventData)
			}
		}
		read(own, "nvmlEventSetFree", func() (bool, nvml.Return) { return true, lib.EventSetFree(*set) })
	}()
	return w
}

// close ends the watcher, and tells whether it has ended in time.
func (w *watcher) close() bool {
	if w == nil {
		return true
	}
	w.stop.Store(true)
	select {
	case <-w.done:
		return true
	case <-time.After(closeLimit / 2):
		return false
	}
}
