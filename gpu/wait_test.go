// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linux

package gpu

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// childDriver is child for scenarios that read the driver by hand.
func childDriver(scenario string) int {
	d := newReader(Options{Library: os.Getenv("GPU_SHIM_LIBRARY")}, slog.New(slog.DiscardHandler)).(*driver)
	set := func(state string) { _ = os.WriteFile(os.Getenv("GPU_SHIM"), []byte(state), 0o600) }
	switch scenario {
	case "waits":
		for code := nvml.Return(1); code <= nvml.ERROR_RESET_TYPE_NOT_SUPPORTED; code++ {
			childWaits(d, set, code)
		}
		childWaits(d, set, nvml.ERROR_UNKNOWN)
		childWaits(d, set, 12345)
	case "samples":
		if err := d.open(); err != nil {
			fmt.Println(err)
			return 1
		}
		defer d.close()
		for _, state := range []string{"", "mig\n", "mig\nremade\n", "mig\nremade\nlost0\n", "mig\n", ""} {
			set("count 1\n" + state)
			d.readings = 0 // what stands is read too
			r := d.read()
			had := len(r.devices[0].Instances)
			for _, i := range r.devices[0].Instances {
				if i.Activity == nil {
					had--
				}
			}
			fmt.Printf("%q: %d compared, %v\n", state, had, slices.Sorted(maps.Values(unitNames(d.gpm.last))))
		}
	}
	return 0
}

func unitNames(last map[unit]nvml.GpmSample) map[unit]string {
	names := map[unit]string{}
	for u := range last {
		names[u] = fmt.Sprintf("%d%s", u.instance, u.mig)
	}
	return names
}

// childWaits prints how many waits and pauses there were while each wait is
// answered with code, and whether the watcher has ended by itself.
func childWaits(d *driver, set func(string), code nvml.Return) {
	calls := os.Getenv("GPU_SHIM_WAITS")
	_ = os.WriteFile(calls, nil, 0o600)
	waits := func() int { s, _ := os.Stat(calls); return int(s.Size()) }
	set(fmt.Sprintf("count 1\nwait %d\n", code))
	paused, goOn := make(chan struct{}), make(chan struct{})
	d.pause = func() { paused <- struct{}{}; <-goOn }
	if err := d.open(); err != nil {
		fmt.Println(err)
		return
	}
	pauses, ended := 0, false
	for end := time.Now().Add(10 * time.Second); pauses < 3 && !ended && time.Now().Before(end); {
		select {
		case <-paused:
			if pauses++; pauses < 3 {
				goOn <- struct{}{}
			}
		case <-d.watcher.done:
			ended = true
		case <-time.After(10 * time.Millisecond):
			if waits() >= 3 && pauses == 0 {
				end = time.Time{} // it waits in the driver
			}
		}
	}
	n := waits()
	if pauses == 0 && !ended {
		n = 0 // goes on: any number
	}
	fmt.Printf("code %d: %d waits, %d pauses, ended %v\n", code, n, pauses, ended)
	d.watcher.stop.Store(true)
	close(goOn)
	go func() {
		for range paused {
		}
	}()
	<-d.watcher.done
	d.close()
}

// Whatever a wait for an event answers, the watcher does not ask again at once:
// the driver has waited (timeout), or it pauses, or it ends because the driver is
// gone. That is so for each code there is, and for one there is not.
func TestNoAnswerMakesTheWatcherSpin(t *testing.T) {
	t.Parallel()
	out := run(t, "waits", shim(t), "count 1\n", "GPU_SHIM_WAITS="+filepath.Join(t.TempDir(), "waits"))
	codes := []nvml.Return{nvml.ERROR_UNKNOWN, 12345}
	for code := nvml.Return(1); code <= nvml.ERROR_RESET_TYPE_NOT_SUPPORTED; code++ {
		codes = append(codes, code)
	}
	for _, code := range codes {
		want := "3 waits, 3 pauses, ended false"
		switch code {
		case nvml.ERROR_TIMEOUT:
			want = "0 waits, 0 pauses, ended false"
		case nvml.ERROR_UNINITIALIZED, nvml.ERROR_DRIVER_NOT_LOADED, nvml.ERROR_LIB_RM_VERSION_MISMATCH:
			want = "1 waits, 0 pauses, ended true"
		}
		wants(t, out, fmt.Sprintf("code %d: %s\n", code, want))
	}
}

// Samples are kept of what is there now, and a new instance is not compared with
// one that had its number.
func TestSamplesOfWhatIsGone(t *testing.T) {
	t.Parallel()
	wants(t, run(t, "samples", shim(t), "count 1\n"),
		`"": 0 compared, [-1]`,
		`"mig\n": 0 compared, [7MIG-0-1 9MIG-0-3]`,
		`"mig\nremade\n": 0 compared, [7MIG-0-1-again 9MIG-0-3-again]`,
		`"mig\nremade\nlost0\n": 0 compared, []`,
		`"mig\n": 0 compared, [7MIG-0-1 9MIG-0-3]`,
		`"": 0 compared, [-1]`)
}
