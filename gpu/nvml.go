// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linux

package gpu

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// places are where the library lies beside the linker's own: of the GPU
// operator, of GKE, of distributions; each also below /host.
var places = []string{
	"/run/nvidia/driver/usr/lib/x86_64-linux-gnu", "/run/nvidia/driver/usr/lib/aarch64-linux-gnu", "/run/nvidia/driver/usr/lib64",
	"/home/kubernetes/bin/nvidia/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64",
}

const libraryName = "libnvidia-ml.so.1"

// driver is NVML. A function that an old library lacks would end the process
// when called, so each is looked up before: see read.
type driver struct {
	log     *slog.Logger
	path    string // given; "" to search
	lib     nvml.Interface
	has     map[string]bool
	version string
	cuda    string
	said    map[int]bool // whether the log has each device as up
	again   bool         // the reading found the driver gone
	xids    xids
	uuids   map[int]string // by index, as last seen
	slots   map[int]string // by index, as last seen
	watcher *watcher
	pause   func() // between two waits of the watcher, after an error

	kernelLog string    // path; "" is not read
	kernel    io.Closer // while it is read

	readings int
	standing map[string]standing // by UUID, of this opening
	sampled  map[string]uint64   // by UUID, the last sample of utilisation (µs, the driver's clock)
	gpm      gpm
}

func newReader(o Options, log *slog.Logger) reader {
	return &driver{log: log, pause: func() { time.Sleep(eventWait * time.Millisecond) }, path: o.Library, kernelLog: o.KernelLog, said: map[int]bool{}, uuids: map[int]string{}, slots: map[int]string{}, xids: xids{all: map[string][]xidCount{}}}
}

func (d *driver) candidates() (all []string) {
	if d.path != "" {
		return []string{d.path}
	}
	all = []string{libraryName} // where the linker looks
	for _, p := range places {
		for _, root := range []string{"", "/host"} {
			if path := filepath.Join(root, p, libraryName); exists(path) {
				all = append(all, path)
			}
		}
	}
	return all
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (d *driver) open() error {
	var last error
	for _, path := range d.candidates() {
		lib := nvml.New(nvml.WithLibraryPath(path))
		r := lib.Init()
		if r == nvml.SUCCESS {
			d.lib, d.has, d.again = lib, map[string]bool{}, false
			clear(d.uuids) // the order may be another
			clear(d.slots)
			d.readings, d.standing, d.sampled = 0, map[string]standing{}, map[string]uint64{}
			d.gpm.reset()
			if v := read(d, "nvmlSystemGetDriverVersion", lib.SystemGetDriverVersion); v != nil {
				d.version = *v
			}
			if v := read(d, "nvmlSystemGetCudaDriverVersion", lib.SystemGetCudaDriverVersion); v != nil {
				d.cuda = fmt.Sprintf("%d.%d", *v/1000, *v%1000/10)
			}
			d.log.Info("GPU driver found", "library", path, "driver", d.version)
			d.watcher = d.watch()
			d.follow()
			return nil
		}
		if err := explain(path, r); last == nil || r != nvml.ERROR_LIBRARY_NOT_FOUND {
			last = err
		}
	}
	return last
}

// explain says what a failed start means.
func explain(path string, r nvml.Return) error {
	switch r {
	case nvml.ERROR_LIBRARY_NOT_FOUND:
		return fmt.Errorf("%s cannot be loaded: normal without an NVIDIA GPU; else install the driver, mount it into the container, or name the library with --gpu.library", path)
	case nvml.ERROR_DRIVER_NOT_LOADED:
		return fmt.Errorf("%s: the NVIDIA kernel driver is not loaded: load it (modprobe nvidia)", path)
	case nvml.ERROR_LIB_RM_VERSION_MISMATCH:
		return fmt.Errorf("%s: library and kernel driver are of different versions: the driver was updated, restart the host or reload its modules, then restart modeltap", path)
	case nvml.ERROR_NO_PERMISSION:
		return fmt.Errorf("%s: no permission for /dev/nvidiactl: run as root, or give the container the GPU devices", path)
	}
	return fmt.Errorf("%s: NVML error %d: see the kernel log for NVRM", path, r)
}

func (d *driver) close() {
	if d.kernel != nil {
		_ = d.kernel.Close()
		d.kernel = nil
	}
	ended := d.watcher.close()
	d.watcher = nil
	// It has been loaded, or there would be nothing to close. Who is still in a
	// call of it must not lose it.
	if ended && d.lib != nil && d.can("nvmlShutdown") {
		for _, sample := range d.gpm.last {
			d.free(sample)
		}
		d.lib.Shutdown()
	}
	d.lib = nil
}

// can tells whether the library has a function.
func (d *driver) can(symbol string) bool {
	known, asked := d.has[symbol]
	if !asked {
		known = d.lib.Extensions().LookupSymbol(symbol) == nil
		d.has[symbol] = known
	}
	return known
}

// read calls f, which needs symbol, and returns its value, nil where the
// library, the device or the permissions do not have it. Nothing but read and ask
// calls NVML; a test holds the package to that.
func read[T any](d *driver, symbol string, f func() (T, nvml.Return)) *T {
	if v, r := ask(d, symbol, f); r == nvml.SUCCESS {
		return &v
	}
	return nil
}

// ask is read for those to whom it matters why there is no value. What is not
// called is answered with ERROR_FUNCTION_NOT_FOUND, or ERROR_UNINITIALIZED where
// the driver is gone already.
func ask[T any](d *driver, symbol string, f func() (T, nvml.Return)) (v T, r nvml.Return) {
	switch {
	case d.again:
		return v, nvml.ERROR_UNINITIALIZED
	case !d.can(symbol):
		return v, nvml.ERROR_FUNCTION_NOT_FOUND
	}
	v, r = f()
	switch r {
	case nvml.ERROR_UNINITIALIZED, nvml.ERROR_DRIVER_NOT_LOADED, nvml.ERROR_LIB_RM_VERSION_MISMATCH:
		d.again = true
	}
	return v, r
}

func (d *driver) read() (all reading) {
	all.driver, all.cuda = d.version, d.cuda
	n := read(d, "nvmlDeviceGetCount_v2", d.lib.DeviceGetCount)
	if n == nil {
		all.again = true
		return all
	}
	slow := d.readings%slowEvery == 0
	d.readings++
	all.whole = true
	for i := range *n {
		dev := read(d, "nvmlDeviceGetHandleByIndex_v2", func() (nvml.Device, nvml.Return) { return d.lib.DeviceGetHandleByIndex(i) })
		one := Device{Index: i}
		if dev != nil {
			dev := *dev
			if v := read(d, "nvmlDeviceGetUUID", dev.GetUUID); v != nil {
				one.UUID = *v
			}
			d.device(dev, &one, slow)
		}
		if one.UUID != "" {
			d.uuids[i] = one.UUID
		}
		one.UUID = d.uuids[i] // of one that is lost, what it was
		if one.PCI != "" {
			d.slots[i] = slot(one.PCI)
		}
		if !one.Up {
			all.whole = false
			delete(d.standing, one.UUID)
			d.keep(one.UUID, nil)
		}
		if was, said := d.said[i]; !said || was != one.Up {
			d.said[i] = one.Up
			if !one.Up {
				d.log.Warn("a GPU does not answer, the others are observed; see the kernel log for NVRM", "gpu", i)
			} else {
				d.log.Info("GPU observed", "gpu", i, "name", one.Name, "uuid", one.UUID)
			}
		}
		one.XIDs = d.xids.of(one.UUID, d.slots[i])
		all.devices = append(all.devices, one)
	}
	all.again = d.again
	return all
}
