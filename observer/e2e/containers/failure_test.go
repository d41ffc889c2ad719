// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestFailures takes something away from the pod of the manifest: run ends and
// says what is missing, check says the same.
func TestFailures(t *testing.T) {
	t.Parallel()
	k := startKubelet(t)
	for _, c := range []struct {
		name, shows string
		spec        func(*testing.T) podSpec
		want        []string
	}{
		{"bpf", "without CAP_BPF: named", func(t *testing.T) podSpec { return withCaps(plain(t), "NET_ADMIN") }, []string{"CAP_BPF"}},
		{"netadmin", "without CAP_NET_ADMIN: named", func(t *testing.T) podSpec { return withCaps(plain(t), "BPF") }, []string{"CAP_NET_ADMIN"}},
		{"none", "without any capability: both named", func(t *testing.T) podSpec { return withCaps(plain(t)) }, []string{"CAP_BPF", "CAP_NET_ADMIN"}},
		{"v1", "a node of cgroup v1 alone: says that there is no cgroup v2", func(t *testing.T) podSpec {
			spec := chart(t, map[string]any{"identity": "cgroup"})
			// What a pod sees on such a node: no cgroup2 at all.
			spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "v1", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/tmp"}}})
			spec = without(spec, "/host/sys/fs/cgroup")
			spec.Containers[0].VolumeMounts = append(spec.Containers[0].VolumeMounts, corev1.VolumeMount{Name: "v1", MountPath: "/sys/fs/cgroup", ReadOnly: true})
			return spec
		}, []string{"no cgroup v2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			proved(t, c.shows)
			for _, command := range []string{"run", "check"} {
				p := k.pod(t, "modeltap", uniqueName("fails"), withArgs(c.spec(t), command))
				code, log := p.wait(t, "modeltap"), ""
				log = p.log("modeltap")
				for _, want := range c.want {
					if code == 0 || !strings.Contains(log, want) {
						t.Errorf("%s ended with %d and does not say %q:\n%s", command, code, want, log)
					}
				}
				p.remove(t)
			}
		})
	}
}

// TestNoCgroup2 takes cgroup v2 away from a program with every capability: it
// finds the host's through another process.
func TestNoCgroup2(t *testing.T) {
	proved(t, "no cgroup v2 in its own mounts: found through the host's processes, or named")
	out, err := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-c", "umount -R /sys/fs/cgroup; exec \"$0\" check", built.modeltap).CombinedOutput()
	switch text := string(out); {
	case err == nil && regexp.MustCompile(`cgroup_root +yes +/proc/\d+/root/sys/fs/cgroup`).MatchString(text):
	case err != nil && strings.Contains(text, "no cgroup v2"):
	default:
		t.Errorf("%v\n%s", err, out)
	}
}
