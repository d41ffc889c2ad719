// SPDX-License-Identifier: Apache-2.0

package hostprobe

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// explained replaces the text of an error and keeps its identity. The BPF
// library blames the memlock limit for every EPERM.
type explained struct {
	text string
	err  error
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.err }

// Explained returns an error with a text of its own that wraps err, and that
// Explain leaves as it is.
func Explained(text string, err error) error { return &explained{text, err} }

// ExplainAttach is Explain for an attach to a cgroup. EPERM of a process that
// may attach means that a program is there, or above, that allows no other
// (__cgroup_bpf_attach and hierarchy_allow_attach in kernel/bpf/cgroup.c).
func ExplainAttach(err error) error {
	status, _ := os.ReadFile("/proc/self/status")
	effective, known := effectiveCaps(string(status))
	return explainAttach(err, known && len(missingCaps(effective, unix.CAP_BPF, unix.CAP_NET_ADMIN)) == 0 && Confined() == nil)
}

func explainAttach(err error, may bool) error {
	if errors.Is(err, unix.EPERM) && may {
		return &explained{"somebody has attached a program of this kind here or above, without BPF_F_ALLOW_MULTI, that allows no other: " +
			"\"bpftool cgroup tree\" names it; detach it, or use --capture=packet", err}
	}
	return Explain(err)
}

// Explain puts the remedy into an error of the kernel's BPF interface: the
// capability, the limit or the kernel version that is missing. An error that
// it knows nothing about comes back as it is. The result wraps err.
func Explain(err error) error {
	var verifier *ebpf.VerifierError
	var done *explained
	switch {
	case err == nil || errors.As(err, &done):
		return err
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES) && !errors.As(err, &verifier):
		return permission(err)
	case errors.As(err, &verifier):
		return &explained{"the kernel's verifier refused the program (" + verifier.Error() +
			"): report this with the kernel version; --capture=packet works meanwhile", err}
	case errors.Is(err, unix.ENOMEM):
		return &explained{"out of memory: choose a smaller --capture.ring-size", err}
	case errors.Is(err, ebpf.ErrNotSupported), errors.Is(err, unix.EINVAL):
		return &explained{err.Error() + ": capture by cgroup needs Linux 5.10 or later with CONFIG_CGROUP_BPF; --capture=packet needs neither", err}
	}
	return err
}

// permission tells why the kernel said EPERM, by what this process lacks.
func permission(err error) error {
	if why := Confined(); why != nil {
		return &explained{"permission denied: " + why.Error(), err}
	}
	status, readErr := os.ReadFile("/proc/self/status")
	effective, ok := effectiveCaps(string(status))
	if readErr != nil || !ok {
		return &explained{"permission denied: needs CAP_BPF and CAP_NET_ADMIN", err}
	}
	if missing := missingCaps(effective, unix.CAP_BPF, unix.CAP_NET_ADMIN); len(missing) > 0 {
		return &explained{fmt.Sprintf("permission denied: missing %s; grant it (setcap, AmbientCapabilities=, securityContext.capabilities.add) or run as root",
			strings.Join(missing, " and ")), err}
	}
	return &explained{refusal(), err}
}
