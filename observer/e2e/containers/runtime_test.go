// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestRuntimeSocket has modeltap ask containerd for the names that the node's
// directories do not tell.
func TestRuntimeSocket(t *testing.T) {
	t.Parallel()
	proved(t, "--cri.socket names what the log directories do not")
	k := startKubelet(t)
	const socket = "run/containerd/containerd.sock"
	spec := without(without(chart(t, map[string]any{"identity": "cgroup"}), "/host/var/log/pods"), "/host/var/log/containers")
	spec = withArgs(spec, "run", "--cri.socket=/host/"+socket)
	root, unprivileged := int64(0), false
	spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: &root, RunAsNonRoot: &unprivileged, SeccompProfile: spec.SecurityContext.SeccompProfile}
	spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "cri", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/run/containerd"}}})
	c := &spec.Containers[0]
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "cri", MountPath: "/host/run/containerd", ReadOnly: true})

	p, o := observe(t, k, spec)
	defer p.remove(t)
	m, s := serves(t, k, "models", "asked", "0.0.0.0")
	defer m.remove(t)
	if _, err := os.Stat(k.path("var/log/pods")); err != nil {
		t.Fatal(err)
	}
	s.ask(t, 5, "", nil)
	o.counts(t, "models/asked/server", 1, 5)
}
