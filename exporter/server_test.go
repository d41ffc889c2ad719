// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/modeltap/modeltap/observer/event"
)

func TestServeAndShutDown(t *testing.T) {
	inside, release := make(chan struct{}), make(chan struct{})
	r := newRig(t, func(o *Options) {
		o.SnapshotTimeout = time.Hour
		o.Snapshot = func(context.Context) (event.Snapshot, error) {
			close(inside)
			<-release
			return event.Snapshot{}, nil
		}
	})
	s := serverOf(t, r, func(o *ServerOptions) { o.ListenAddresses = []string{"127.0.0.1:0", "127.0.0.1:0"} })
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	for _, a := range s.Addrs() {
		resp, err := http.Get(fmt.Sprintf("http://%s/-/healthy", a))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("%s: %d", a, resp.StatusCode)
		}
	}

	scraped := make(chan string, 1)
	go func() {
		resp, err := http.Get(fmt.Sprintf("http://%s/metrics", s.Addrs()[0]))
		if err != nil {
			scraped <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		scraped <- string(body)
	}()
	<-inside
	stop()
	close(release)
	if body := <-scraped; !strings.Contains(body, "modeltap_build_info") {
		t.Errorf("a scrape in progress was cut off: %.200s", body)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, err := net.Dial("tcp", s.Addrs()[1].String()); err == nil {
		t.Error("still listening after the end")
	}
}

// basicAuth is a web configuration with the user ann, password "secret". The
// least cost of bcrypt keeps the test quick.
func basicAuth(t *testing.T) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("basic_auth_users:\n  ann: %s\n", hash)
}

func TestBasicAuthenticationOnEveryAddressAndPath(t *testing.T) {
	file := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(file, []byte(basicAuth(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serverOf(t, newRig(t), func(o *ServerOptions) {
		o.ConfigFile = file
		o.ListenAddresses = []string{"127.0.0.1:0", "127.0.0.1:0"}
	})
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	for _, a := range s.Addrs() {
		for _, path := range []string{"/metrics", "/-/healthy", "/api/v1/requests", "/"} {
			for password, want := range map[string]int{"": 401, "wrong": 401, "secret": 200} {
				q, err := http.NewRequest("GET", fmt.Sprintf("http://%s%s", a, path), nil)
				if err != nil {
					t.Fatal(err)
				}
				if password != "" {
					q.SetBasicAuth("ann", password)
				}
				resp, err := http.DefaultClient.Do(q)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != want {
					t.Errorf("%s with password %q: %d, want %d", path, password, resp.StatusCode, want)
				}
			}
		}
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestServeReportsThatItCannotGoOn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(file, []byte(basicAuth(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serverOf(t, newRig(t), func(o *ServerOptions) {
		o.ConfigFile = file
		o.ListenAddresses = []string{"127.0.0.1:0"}
	})
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), "web.yml") {
		t.Errorf("%v, want a mention of the file", err)
	}
}
