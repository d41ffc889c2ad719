// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	corev1 "k8s.io/api/core/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const containerdConfig = `
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = "/usr/local/bin/runc"
`

const cniConfig = `{"cniVersion": "1.0.0", "name": "pods", "plugins": [
  {"type": "ptp", "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.88.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}`

// kubelet is a node that runs pods, asked as the kubelet asks.
type kubelet struct {
	*node
	cri.RuntimeServiceClient
}

func startKubelet(t *testing.T) *kubelet {
	t.Helper()
	n := startNode(t, "run/containerd/containerd.sock", map[string]string{
		"etc/resolv.conf": "", "etc/containerd/config.toml": containerdConfig, "etc/cni/net.d/10-pods.conflist": cniConfig,
	}, "containerd", "--config", "/etc/containerd/config.toml", "--log-level", "warn")
	for _, name := range []string{"pause", "modeltap", "model"} {
		if err := copyFile(built.archive(name), n.path("tmp/"+name+".tar")); err != nil {
			t.Fatal(err)
		}
		n.run(t, "ctr", "-n", "k8s.io", "images", "import", "/tmp/"+name+".tar")
	}
	conn, err := grpc.NewClient("unix://"+n.path("run/containerd/containerd.sock"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &kubelet{n, cri.NewRuntimeServiceClient(conn)}
}

// pod is a pod that runs.
type pod struct {
	k               *kubelet
	namespace, name string
	uid, sandbox    string
	config          *cri.PodSandboxConfig
	spec            corev1.PodSpec
	ip              string
	containers      map[string]string // the id of each, by name
	attempts        uint32
}

// run starts a pod and its containers, as the kubelet does with what the API
// server hands it.
func (k *kubelet) pod(t *testing.T, namespace, name string, spec corev1.PodSpec) *pod {
	t.Helper()
	u := make([]byte, 16)
	_, _ = rand.Read(u)
	uid := fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
	p := &pod{k: k, namespace: namespace, name: name, uid: uid, spec: spec, containers: map[string]string{}}
	group := "kubepods/burstable/pod" + uid
	k.owns(group)
	if err := os.MkdirAll(filepath.Join(built.cgroups, group), 0o755); err != nil {
		t.Fatal(err)
	}
	security := &cri.LinuxSandboxSecurityContext{NamespaceOptions: namespaces(spec), Seccomp: &cri.SecurityProfile{ProfileType: cri.SecurityProfile_RuntimeDefault}}
	p.config = &cri.PodSandboxConfig{
		Metadata: &cri.PodSandboxMetadata{Name: name, Namespace: namespace, Uid: uid}, Hostname: name,
		LogDirectory: "/var/log/pods/" + namespace + "_" + name + "_" + uid, Labels: p.labels(""),
		Linux: &cri.LinuxPodSandboxConfig{CgroupParent: "/" + group, SecurityContext: security},
	}
	for _, c := range spec.Containers {
		if c.SecurityContext != nil && c.SecurityContext.Privileged != nil {
			security.Privileged = security.Privileged || *c.SecurityContext.Privileged
		}
	}
	r, err := k.RunPodSandbox(ctx(t), &cri.RunPodSandboxRequest{Config: p.config})
	if err != nil {
		t.Fatal(err)
	}
	p.sandbox = r.PodSandboxId
	s, err := k.PodSandboxStatus(ctx(t), &cri.PodSandboxStatusRequest{PodSandboxId: p.sandbox})
	if err != nil {
		t.Fatal(err)
	}
	p.ip = s.Status.Network.Ip
	for i := range spec.Containers {
		p.start(t, &spec.Containers[i])
	}
	return p
}

func ctx(t *testing.T) context.Context {
	c, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return c
}

func namespaces(spec corev1.PodSpec) *cri.NamespaceOption {
	o := &cri.NamespaceOption{Network: cri.NamespaceMode_POD, Ipc: cri.NamespaceMode_POD, Pid: cri.NamespaceMode_CONTAINER}
	if spec.HostPID {
		o.Pid = cri.NamespaceMode_NODE
	}
	if spec.HostNetwork {
		o.Network = cri.NamespaceMode_NODE
	}
	return o
}

func (p *pod) labels(container string) map[string]string {
	l := map[string]string{"io.kubernetes.pod.name": p.name, "io.kubernetes.pod.namespace": p.namespace, "io.kubernetes.pod.uid": p.uid}
	if container != "" {
		l["io.kubernetes.container.name"] = container
	}
	return l
}

// start creates and starts a container, and the names of its logs where the
// kubelet puts them (BuildPodLogsDirectory, LogSymlink).
func (p *pod) start(t *testing.T, c *corev1.Container) {
	t.Helper()
	log := c.Name + fmt.Sprintf("/%d.log", p.attempts)
	if err := os.MkdirAll(p.k.path(path.Join(p.config.LogDirectory, c.Name)), 0o755); err != nil {
		t.Fatal(err)
	}
	config := &cri.ContainerConfig{
		Metadata: &cri.ContainerMetadata{Name: c.Name, Attempt: p.attempts}, Image: &cri.ImageSpec{Image: c.Image},
		Args: c.Args, Command: c.Command, LogPath: log, Labels: p.labels(c.Name), Linux: &cri.LinuxContainerConfig{SecurityContext: p.security(c)},
	}
	for _, e := range c.Env {
		config.Envs = append(config.Envs, &cri.KeyValue{Key: e.Name, Value: []byte(e.Value)})
	}
	for _, m := range c.VolumeMounts {
		for _, v := range p.spec.Volumes {
			if v.Name == m.Name && v.HostPath != nil {
				config.Mounts = append(config.Mounts, &cri.Mount{ContainerPath: m.MountPath, HostPath: v.HostPath.Path, Readonly: m.ReadOnly})
			}
		}
	}
	if len(config.Mounts) != len(c.VolumeMounts) {
		t.Fatalf("%s: a mount is no path of the node", c.Name)
	}
	created, err := p.k.CreateContainer(ctx(t), &cri.CreateContainerRequest{PodSandboxId: p.sandbox, Config: config, SandboxConfig: p.config})
	if err != nil {
		t.Fatal(err)
	}
	id := created.ContainerId
	p.containers[c.Name] = id
	link := p.k.path("var/log/containers/" + p.name + "_" + p.namespace + "_" + c.Name + "-" + id + ".log")
	if err := os.Symlink(path.Join(p.config.LogDirectory, log), link); err != nil {
		t.Fatal(err)
	}
	if _, err := p.k.StartContainer(ctx(t), &cri.StartContainerRequest{ContainerId: id}); err != nil {
		t.Fatal(err)
	}
	p.attempts++
}

// What the kubelet hides of /proc from containers that are not privileged.
var (
	masked = []string{"/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
		"/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap"}
	readonly = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
)

func (p *pod) security(c *corev1.Container) *cri.LinuxContainerSecurityContext {
	s := &cri.LinuxContainerSecurityContext{NamespaceOptions: namespaces(p.spec), MaskedPaths: masked, ReadonlyPaths: readonly}
	if ps := p.spec.SecurityContext; ps != nil {
		if ps.RunAsUser != nil {
			s.RunAsUser = &cri.Int64Value{Value: *ps.RunAsUser}
		}
		if ps.RunAsGroup != nil {
			s.RunAsGroup = &cri.Int64Value{Value: *ps.RunAsGroup}
		}
		if ps.SeccompProfile != nil && ps.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault {
			s.Seccomp = &cri.SecurityProfile{ProfileType: cri.SecurityProfile_RuntimeDefault}
		}
	}
	if cs := c.SecurityContext; cs != nil {
		s.Privileged = cs.Privileged != nil && *cs.Privileged
		s.NoNewPrivs = cs.AllowPrivilegeEscalation != nil && !*cs.AllowPrivilegeEscalation
		s.ReadonlyRootfs = cs.ReadOnlyRootFilesystem != nil && *cs.ReadOnlyRootFilesystem
		if cs.RunAsUser != nil {
			s.RunAsUser = &cri.Int64Value{Value: *cs.RunAsUser}
		}
		if cs.Capabilities != nil {
			s.Capabilities = &cri.Capability{}
			for _, v := range cs.Capabilities.Add {
				s.Capabilities.AddCapabilities = append(s.Capabilities.AddCapabilities, string(v))
			}
			for _, v := range cs.Capabilities.Drop {
				s.Capabilities.DropCapabilities = append(s.Capabilities.DropCapabilities, string(v))
			}
		}
	}
	if s.Privileged {
		s.MaskedPaths, s.ReadonlyPaths = nil, nil
	}
	return s
}

// kill ends a container at once and removes it.
func (p *pod) kill(t *testing.T, container string) {
	t.Helper()
	id := p.containers[container]
	if _, err := p.k.StopContainer(ctx(t), &cri.StopContainerRequest{ContainerId: id}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.k.RemoveContainer(ctx(t), &cri.RemoveContainerRequest{ContainerId: id}); err != nil {
		t.Fatal(err)
	}
	old, _ := filepath.Glob(p.k.path("var/log/containers/*-" + id + ".log"))
	for _, link := range old {
		_ = os.Remove(link)
	}
}

// pid returns the first process of a container.
func (p *pod) pid(t *testing.T, container string) int {
	t.Helper()
	procs, err := os.ReadFile(filepath.Join(built.cgroups, "kubepods/burstable/pod"+p.uid, p.containers[container], "cgroup.procs"))
	var pid int
	if _, e := fmt.Sscan(string(procs), &pid); err != nil || e != nil {
		t.Fatalf("%s has no process: %v %v\n%s", container, err, e, p.log(container))
	}
	return pid
}

// log returns what a container wrote.
func (p *pod) log(container string) string {
	all, _ := filepath.Glob(p.k.path(path.Join(p.config.LogDirectory, container, "*.log")))
	var out strings.Builder
	for _, f := range all {
		b, _ := os.ReadFile(f)
		out.Write(b)
	}
	return out.String()
}

// wait returns how a container ended.
func (p *pod) wait(t *testing.T, container string) (code int32) {
	t.Helper()
	await(t, "the end of "+container, func() bool {
		s, err := p.k.ContainerStatus(ctx(t), &cri.ContainerStatusRequest{ContainerId: p.containers[container]})
		if err != nil {
			t.Fatal(err)
		}
		code = s.Status.ExitCode
		return s.Status.State == cri.ContainerState_CONTAINER_EXITED
	})
	return code
}

// tryRemove ends a pod and all of it.
func (p *pod) tryRemove() error {
	c, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := p.k.StopPodSandbox(c, &cri.StopPodSandboxRequest{PodSandboxId: p.sandbox}); err != nil {
		return err
	}
	if _, err := p.k.RemovePodSandbox(c, &cri.RemovePodSandboxRequest{PodSandboxId: p.sandbox}); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(p.k.path(p.config.LogDirectory)), removeTree(filepath.Join(built.cgroups, "kubepods/burstable/pod"+p.uid)))
}
