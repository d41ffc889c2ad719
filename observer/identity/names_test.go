// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

const uid1, uid2 = "12345678-1234-1234-1234-123456789abc", "12345678-1234-1234-1234-123456789abd"

var idA, idB, idC = strings.Repeat("a1", 32), strings.Repeat("b2", 32), strings.Repeat("c3", 32)

// node is the file system of a node.
func node() fstest.MapFS {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	return fstest.MapFS{
		"var/log/pods/prod_vllm-7f9c-x2x4z_" + uid1 + "/server/0.log":                    file("a prompt"),
		"var/log/pods/prod_two_" + uid2 + "/server/3.log":                                file(""),
		"var/log/pods/prod_two_" + uid2 + "/sidecar/0.log":                               file(""),
		"var/log/pods/kube-system_static-node1_0123456789abcdef0123456789abcdef/x/0.log": file(""),
		"var/log/pods/lost+found/x/y":                                                    file(""),
		"var/log/containers/two_prod_sidecar-" + idB + ".log":                            {Mode: fs.ModeSymlink, Data: []byte("/var/log/pods/nowhere")},
		"var/lib/docker/containers/" + idA + "/config.v2.json":                           file(`{"ID":"x","Config":{"Env":["HF_TOKEN=secret"]},"Name":"/compose-vllm-1"}`),
		"var/lib/docker/containers/" + idB + "/config.v2.json":                           file(`{"Name":"/k8s_server_vllm-0_prod_` + uid1 + `_2"}`),
		"var/lib/docker/containers/" + idC + "/config.v2.json":                           file(`{"Name":`),
		"var/lib/containers/storage/overlay-containers/containers.json":                  file(`[{"id":"` + idC + `","names":["podman-vllm"]},{"id":"x"}]`),
	}
}

func TestNames(t *testing.T) {
	n := NewNames(time.Now, nil, fstest.MapFS{}, node())
	for _, c := range []struct {
		group Cgroup
		want  Name
	}{
		{Cgroup{Pod: uid1, Container: idC}, Name{"prod", "vllm-7f9c-x2x4z", "server"}},
		{Cgroup{Pod: uid1}, Name{"prod", "vllm-7f9c-x2x4z", "server"}},
		{Cgroup{Pod: uid2, Container: idB}, Name{"prod", "two", "sidecar"}},
		{Cgroup{Pod: uid2, Container: idA}, Name{"prod", "two", ""}}, // which of two, nothing tells
		{Cgroup{Pod: "0123456789abcdef0123456789abcdef"}, Name{"kube-system", "static-node1", "x"}},
		{Cgroup{Container: idA}, Name{Container: "compose-vllm-1"}},
		{Cgroup{Container: idB}, Name{"prod", "vllm-0", "server"}},
		{Cgroup{Container: idC}, Name{Container: "podman-vllm"}},
		{Cgroup{Container: strings.Repeat("0", 64)}, Name{}},
		{Cgroup{Pod: "12345678-1234-1234-1234-000000000000"}, Name{}},
		{Cgroup{Unit: "vllm.service"}, Name{}},
		{Cgroup{}, Name{}},
	} {
		for range 2 { // the second from the cache
			if got := n.Of(c.group); got != c.want {
				t.Errorf("%+v: %+v, want %+v", c.group, got, c.want)
			}
		}
	}
}

// What was not found is looked for again, not at once.
func TestNamesThatComeLater(t *testing.T) {
	now := time.Unix(1000, 0)
	root := fstest.MapFS{}
	n := NewNames(func() time.Time { return now }, nil, root)
	p := Cgroup{Container: idA}
	if got := n.Of(p); got != (Name{}) {
		t.Error(got)
	}
	for name, f := range node() {
		root[name] = f
	}
	if got := n.Of(p); got != (Name{}) {
		t.Error("searched again at once:", got)
	}
	now = now.Add(missFor)
	if got := n.Of(p); got.Container != "compose-vllm-1" {
		t.Error(got)
	}
	for i := range 3 * maxNames {
		n.Of(Cgroup{Container: strings.Repeat("f", 60) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676%26))})
	}
	if got := len(n.known); got > maxNames+1 {
		t.Errorf("%d names are kept", got)
	}
}

// A runtime that is asked goes before the node's directories, which name what it
// does not know.
func TestNamesFromTheRuntime(t *testing.T) {
	asked := 0
	n := NewNames(time.Now, func(id string) Name {
		if asked++; id == idA {
			return Name{"models", "llama-0", "server"}
		}
		return Name{}
	}, node())
	for range 2 {
		if got := n.Of(Cgroup{Container: idA}); got != (Name{"models", "llama-0", "server"}) {
			t.Error(got)
		}
		if got := n.Of(Cgroup{Container: idB}); got != (Name{"prod", "vllm-0", "server"}) {
			t.Error(got)
		}
		n.Of(Cgroup{Unit: "vllm.service"})
	}
	if asked != 2 {
		t.Errorf("asked %d times, want once for each container", asked)
	}
}
