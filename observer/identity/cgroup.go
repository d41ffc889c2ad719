// SPDX-License-Identifier: Apache-2.0

package identity

import "strings"

// Cgroup is what the path of a cgroup says about the owner of its sockets.
type Cgroup struct {
	Container string // container id, 64 hexadecimal digits
	Pod       string // pod UID, with dashes
	Unit      string // systemd unit, "vllm.service"
}

// ParseCgroup reads the path of a cgroup below the root, of any container
// engine and either cgroup driver: the last container id and the last pod UID
// count, whatever stands before them, and the last *.service that is not the
// engine's own (above the container).
func ParseCgroup(path string) Cgroup {
	var p Cgroup
	for part := range strings.SplitSeq(path, "/") {
		name := strings.TrimSuffix(part, ".scope")
		if i := strings.LastIndexByte(name, '-'); i >= 0 && name != part {
			name = name[i+1:] // cri-containerd-ID.scope, docker-ID.scope
		}
		switch {
		case len(name) == 64 && allHex(name) && !strings.Contains(part, "conmon-"):
			p.Container, p.Unit = name, ""
		case strings.HasSuffix(part, ".service"):
			p.Unit = part
		default:
			if uid := podUID(part); uid != "" {
				p.Pod, p.Unit = uid, ""
			}
		}
	}
	return p
}

// podUID finds "pod<uid>"; the systemd driver writes the dashes of the UID as
// underscores. A static pod's UID is a hash without dashes.
func podUID(part string) string {
	part = strings.TrimSuffix(part, ".slice")
	i := strings.LastIndex(part, "pod")
	if i < 0 || (i > 0 && part[i-1] != '-') {
		return ""
	}
	uid := strings.ReplaceAll(part[i+len("pod"):], "_", "-")
	if digits := strings.ReplaceAll(uid, "-", ""); len(digits) != 32 || !allHex(digits) {
		return ""
	}
	return uid
}

func allHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
