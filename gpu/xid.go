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
	// maxGPUs bounds the GPUs whose errors are counted.
	maxGPUs = 64
)

// xidSource is who tells of an XID error.
type xidSource int

const (
	fromDriver xidSource = iota
	fromKernelLog
	xidSources
)

// xids counts the XID errors of all GPUs, across openings of the driver: NVML
// tells each once, to whoever waits, and leaves some out that the kernel log
// has (DCGM issue 235). Each source counts for itself; an error that both have
// told of is one, so the larger of the counts holds.
type xids struct {
	mu  sync.Mutex
	all map[string][]xidCount // by UUID, or by slot for the kernel log
}

type xidCount struct {
	code int
	n    [xidSources]uint64
	last time.Time
}

// count notes an error of the GPU key.
func (x *xids) count(key string, from xidSource, code int, at time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	list := x.all[key]
	for i := range list {
		if list[i].code == code {
			list[i].n[from]++
			list[i].last = at
			return
		}
	}
	if len(list) < maxXIDs && (list != nil || len(x.all) < 2*maxGPUs) {
		one := xidCount{code: code, last: at}
		one.n[from] = 1
		x.all[key] = append(list, one)
	}
}

// of returns the errors of the GPU that has a UUID and sits in a slot.
func (x *xids) of(uuid, slot string) (list []XID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	add := func(c xidCount) {
		n := max(c.n[fromDriver], c.n[fromKernelLog])
		for i := range list {
			if l := &list[i]; l.Code == c.code {
				l.N = max(l.N, n)
				if c.last.After(l.Last) {
					l.Last = c.last
				}
				return
			}
		}
		list = append(list, XID{c.code, n, c.last})
	}
	for _, c := range x.all[uuid] {
		add(c)
	}
	if slot != "" {
		for _, c := range x.all[slot] {
			add(c)
		}
	}
	return list
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
			e, r := ask(own, "nvmlEventSetWait_v2", func() (nvml.EventData, nvml.Return) { return lib.EventSetWait(*set, eventWait) })
			switch {
			case own.again:
				return // the sampler will notice, and open the driver again
			case r == nvml.ERROR_TIMEOUT:
				continue
			case r != nvml.SUCCESS: // at once, such as that a GPU is lost, and for as long as it is
				d.pause()
				continue
			}
			if uuid := uuids[e.Device]; uuid != "" {
				d.xids.count(uuid, fromDriver, int(e.EventData), time.Now())
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
