// SPDX-License-Identifier: Apache-2.0

package bpf

import "github.com/modeltap/modeltap/bpf/hostprobe"

// The features that Try tells of.
const (
	FeaturePrograms   = "capture_programs"
	FeatureSocketWait = "socket_wait"
)

// Try loads the tap, and socket wait with it, to tell what no smaller probe can.
// Nothing of it stays.
func Try() []hostprobe.Feature {
	tap := hostprobe.Feature{Name: FeaturePrograms, State: hostprobe.Yes, Detail: "load", Required: true}
	wait := hostprobe.Feature{Name: FeatureSocketWait, State: hostprobe.Yes, Detail: "loads and attaches"}
	t, err := Load(Options{RingSize: 1 << 16})
	if err != nil {
		tap.State, tap.Detail, tap.Remedy = hostprobe.No, err.Error(), "see the detail"
		wait.State, wait.Detail, wait.Remedy = hostprobe.Unknown, "cannot be tried without the capture programs", "see capture_programs"
		return []hostprobe.Feature{tap, wait}
	}
	defer t.Close()
	if err := t.AttachSocketWait(); err != nil {
		wait.State, wait.Detail = hostprobe.No, err.Error()
		wait.Remedy = "optional: without it there is no model_request_socket_wait_seconds"
		if hostprobe.LacksPerfmon() {
			wait.Remedy = "grant CAP_PERFMON; " + wait.Remedy
		}
	}
	return []hostprobe.Feature{tap, wait}
}
