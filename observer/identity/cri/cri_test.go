// SPDX-License-Identifier: Apache-2.0

package cri

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	api "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/modeltap/modeltap/observer/identity"
)

// runtime answers as a container runtime does; a real one is in
// observer/e2e/containers.
type runtime struct {
	api.UnimplementedRuntimeServiceServer
	containers []*api.Container
	asked      atomic.Int64
	hangs      atomic.Bool
}

func (r *runtime) Version(context.Context, *api.VersionRequest) (*api.VersionResponse, error) {
	return &api.VersionResponse{RuntimeName: "containerd", RuntimeVersion: "2.4.2"}, nil
}

func (r *runtime) ListContainers(ctx context.Context, q *api.ListContainersRequest) (*api.ListContainersResponse, error) {
	r.asked.Add(1)
	if r.hangs.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	var a api.ListContainersResponse
	for _, c := range r.containers {
		if strings.HasPrefix(c.Id, q.GetFilter().GetId()) {
			a.Containers = append(a.Containers, c)
		}
	}
	return &a, nil
}

func serve(t *testing.T, r *runtime) *Client {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	api.RegisterRuntimeServiceServer(s, r)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	c, err := New(socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestContainer(t *testing.T) {
	id, other := strings.Repeat("a", 64), strings.Repeat("b", 64)
	c := serve(t, &runtime{containers: []*api.Container{
		{Id: id + "0", Labels: map[string]string{labelContainer: "longer"}},
		{Id: id, Labels: map[string]string{labelNamespace: "models", labelPod: "llama-0", labelContainer: "server"}},
		{Id: other, Metadata: &api.ContainerMetadata{Name: "bare"}},
	}})
	if v, err := c.Version(t.Context()); err != nil || v != "containerd 2.4.2" {
		t.Errorf("version %q, %v", v, err)
	}
	for in, want := range map[string]identity.Name{
		id: {Namespace: "models", Pod: "llama-0", Container: "server"}, other: {Container: "bare"}, strings.Repeat("c", 64): {},
	} {
		if got := c.Container(in); got != want {
			t.Errorf("%.4s…: %+v, want %+v", in, got, want)
		}
	}
}

// A runtime that hangs holds the observer up once, and is asked again later.
func TestRuntimeThatHangs(t *testing.T) {
	r := &runtime{containers: []*api.Container{{Id: "a", Metadata: &api.ContainerMetadata{Name: "n"}}}}
	c := serve(t, r)
	now := time.Unix(1, 0)
	c.now = func() time.Time { return now }
	r.hangs.Store(true)
	began := time.Now()
	for range 10 {
		if got := c.Container("a"); got != (identity.Name{}) {
			t.Error(got)
		}
	}
	if took := time.Since(began); took > 4*patience || r.asked.Load() != 1 {
		t.Errorf("%v, asked %d times", took, r.asked.Load())
	}
	r.hangs.Store(false)
	now = now.Add(restFor)
	if got := c.Container("a"); got.Container != "n" {
		t.Errorf("it answers again, and is not asked: %+v", got)
	}
}

func TestNoRuntime(t *testing.T) {
	if _, err := New("containerd.sock"); err == nil {
		t.Error("a relative path was taken")
	}
	c, err := New("unix:///nowhere/containerd.sock")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Version(t.Context()); err == nil || !strings.Contains(err.Error(), "mount the directory") {
		t.Error(err)
	}
	if got := c.Container("a"); got != (identity.Name{}) {
		t.Error(got)
	}
}
