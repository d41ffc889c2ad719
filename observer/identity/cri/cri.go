// SPDX-License-Identifier: Apache-2.0

// Package cri asks a container runtime for the names of containers, by the
// Container Runtime Interface of Kubernetes. It is for nodes whose log
// directories do not tell them, and only used where the user names a socket:
// whoever may write to that may do everything on the node.
package cri

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	api "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/modeltap/modeltap/observer/identity"
)

const (
	// patience bounds one question. Names are asked for while packets wait in
	// the ring; containerd answers within 0.3 ms (95th percentile).
	patience = 250 * time.Millisecond
	// restFor is how long a runtime that did not answer is left alone.
	restFor = 10 * time.Second
	// maxAnswer bounds the answer to one question.
	maxAnswer = 1 << 20
)

// The labels that the kubelet gives containers (pkg/kubelet/types/labels.go).
const (
	labelNamespace = "io.kubernetes.pod.namespace"
	labelPod       = "io.kubernetes.pod.name"
	labelContainer = "io.kubernetes.container.name"
)

// Client asks one runtime. Its methods may be called from any goroutine.
type Client struct {
	conn    *grpc.ClientConn
	runtime api.RuntimeServiceClient
	now     func() time.Time

	mu    sync.Mutex
	until time.Time // not asked again before
}

// New returns a client of the runtime behind a socket, which it does not ask
// yet. A path, or one that begins with unix://.
func New(socket string) (*Client, error) {
	path := strings.TrimPrefix(socket, "unix://")
	if !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("%q is no absolute path of a socket", socket)
	}
	conn, err := grpc.NewClient("unix://"+path, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)), grpc.WithNoProxy())
	if err != nil {
		return nil, err
	}
	return &Client{conn: conn, runtime: api.NewRuntimeServiceClient(conn), now: time.Now}, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Version returns the name and version of the runtime; the error ends in a
// remedy.
func (c *Client) Version(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	v, err := c.runtime.Version(ctx, &api.VersionRequest{})
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", c.conn.Target(), err, remedy(strings.TrimPrefix(c.conn.Target(), "unix://")))
	}
	return v.RuntimeName + " " + v.RuntimeVersion, nil
}

// remedy tells what is wrong with a socket.
func remedy(path string) string {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return "mount the directory of the runtime's socket, and name it as it is seen from here"
	case st.Mode()&fs.ModeSocket == 0:
		return "that is no socket"
	}
	return "it belongs to root on most nodes: runAsUser: 0"
}

// Container returns the names of the container with an id, empty if the runtime
// does not know it or does not answer.
func (c *Client) Container(id string) identity.Name {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now().Before(c.until) {
		return identity.Name{}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	answer, err := c.runtime.ListContainers(ctx, &api.ListContainersRequest{Filter: &api.ContainerFilter{Id: id}})
	if err != nil {
		c.until = c.now().Add(restFor)
		return identity.Name{}
	}
	for _, found := range answer.Containers {
		if found.Id != id { // a filter takes prefixes
			continue
		}
		l := found.Labels
		name := identity.Name{Namespace: l[labelNamespace], Pod: l[labelPod], Container: l[labelContainer]}
		if name.Container == "" {
			name.Container = found.GetMetadata().GetName()
		}
		return name
	}
	return identity.Name{}
}
