// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"encoding/json"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"
)

// Name is what people call a container.
type Name struct {
	Namespace, Pod string // of Kubernetes
	Container      string
}

const (
	// maxNames bounds the cache of names.
	maxNames = 4096
	// maxNameFile bounds what is read of an engine's file.
	maxNameFile = 4 << 20
	// missFor is how long what was not found is not looked for again: a search
	// may read all directories of pods.
	missFor = time.Second
)

// Where nodes keep the names, below the root of the host.
const (
	podLogs       = "var/log/pods"       // NAMESPACE_POD_UID/CONTAINER/N.log (kubelet, BuildPodLogsDirectory)
	containerLogs = "var/log/containers" // POD_NAMESPACE_CONTAINER-ID.log (kubelet, LogSymlink)
	dockerState   = "var/lib/docker/containers"
	podmanState   = "var/lib/containers/storage/overlay-containers/containers.json" // CRI-O too
)

// Names finds the names of containers on the node itself: in the names of the
// kubelet's log directories, of which no file is read, and in the state of
// Docker, Podman and CRI-O, of which only the name is kept. No API is asked, but
// for the one that the user names. Not safe for concurrent use.
type Names struct {
	roots []fs.FS              // of the host, in the order in which they are tried
	ask   func(id string) Name // goes before them; nil: nobody
	now   func() time.Time
	known map[Cgroup]answer
}

// answer is the result of a search.
type answer struct {
	Name
	at time.Time
}

// NewNames returns the names that are found below roots: the root directory of
// the host, or where it is mounted, in the order in which they are tried. ask,
// if not nil, is asked for a container by its id before them.
func NewNames(now func() time.Time, ask func(id string) Name, roots ...fs.FS) *Names {
	return &Names{roots: roots, ask: ask, now: now, known: map[Cgroup]answer{}}
}

// Known returns the name of the container of a cgroup if it can be told at once.
func (n *Names) Known(p Cgroup) (name Name, known bool) {
	if n == nil || p.Container == "" && p.Pod == "" {
		return Name{}, true
	}
	f, ok := n.known[p]
	return f.Name, ok && (f.Container != "" || n.now().Sub(f.at) < missFor)
}

// Of returns the name of the container of a cgroup, empty if nothing tells it. It
// may read directories, or ask, once a second at most for what it does not find.
func (n *Names) Of(p Cgroup) Name {
	// The directory of the container itself may come later than that of its pod.
	if name, known := n.Known(p); known {
		return name
	}
	if len(n.known) > maxNames {
		clear(n.known)
	}
	f := answer{at: n.now()}
	if n.ask != nil && p.Container != "" {
		f.Name = n.ask(p.Container)
	}
	for _, root := range n.roots {
		if f.Name != (Name{}) {
			break
		}
		f.Name = search(root, p)
	}
	n.known[p] = f
	return f.Name
}

func search(root fs.FS, p Cgroup) Name {
	if p.Pod != "" {
		if name := inPodLogs(root, p); name != (Name{}) {
			return name
		}
	}
	if p.Container == "" {
		return Name{}
	}
	if name := inDocker(root, p.Container); name != "" {
		return engineName(name)
	}
	return engineName(inPodman(root, p.Container))
}

// inPodLogs reads the names of directories. Which container an id is, the links
// in containerLogs tell; without, a pod of one container leaves no doubt.
func inPodLogs(root fs.FS, p Cgroup) Name {
	pods, err := fs.ReadDir(root, podLogs)
	if err != nil {
		return Name{}
	}
	for _, d := range pods {
		f := strings.Split(d.Name(), "_")
		if len(f) != 3 || f[2] != p.Pod {
			continue
		}
		name := Name{Namespace: f[0], Pod: f[1]}
		containers, err := fs.ReadDir(root, path.Join(podLogs, d.Name()))
		if err != nil {
			return name
		}
		var all []string
		for _, c := range containers {
			if c.IsDir() {
				all = append(all, c.Name())
			}
		}
		if p.Container != "" {
			for _, c := range all {
				if _, err := fs.Lstat(root, path.Join(containerLogs, f[1]+"_"+f[0]+"_"+c+"-"+p.Container+".log")); err == nil {
					name.Container = c
					return name
				}
			}
		}
		if len(all) == 1 {
			name.Container = all[0]
		}
		return name
	}
	return Name{}
}

// inDocker reads a container's name from Docker's state.
func inDocker(root fs.FS, id string) string {
	var state struct{ Name string }
	decode(root, path.Join(dockerState, id, "config.v2.json"), &state)
	return strings.TrimPrefix(state.Name, "/")
}

// inPodman reads a container's name from the storage of Podman and CRI-O.
func inPodman(root fs.FS, id string) string {
	var all []struct {
		ID    string   `json:"id"`
		Names []string `json:"names"`
	}
	decode(root, podmanState, &all)
	for _, c := range all {
		if c.ID == id && len(c.Names) > 0 {
			return c.Names[0]
		}
	}
	return ""
}

func decode(root fs.FS, name string, to any) {
	f, err := root.Open(name)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	_ = json.NewDecoder(io.LimitReader(f, maxNameFile)).Decode(to) // what cannot be read names nothing
}

// engineName takes apart the names that cri-dockerd and CRI-O give containers
// of pods: k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT.
func engineName(name string) Name {
	if f := strings.Split(name, "_"); len(f) == 6 && f[0] == "k8s" {
		return Name{Namespace: f[3], Pod: f[2], Container: f[1]}
	}
	return Name{Container: name}
}
