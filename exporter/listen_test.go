// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/identity"
)

func TestPortInUseNamesItsOwner(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := serverOf(t, newRig(t), func(o *ServerOptions) {
		o.ListenAddresses = []string{"127.0.0.1:0", l.Addr().String()}
	})
	err = s.Listen(t.Context())
	if err == nil {
		t.Fatal("no error")
	}
	if len(s.Addrs()) != 0 {
		t.Error("the other address stays bound")
	}
	for _, want := range []string{
		fmt.Sprintf("port %d is in use", l.Addr().(*net.TCPAddr).Port),
		fmt.Sprintf("(pid %d)", os.Getpid()),
		"choose another with --web.listen-address",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
}

func TestAddressThatIsNotOurs(t *testing.T) {
	s := serverOf(t, newRig(t), func(o *ServerOptions) { o.ListenAddresses = []string{"192.0.2.1:0"} })
	if err := s.Listen(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "--web.listen-address") {
		t.Errorf("%v", err)
	}
}

func TestConfigurationErrors(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.yml")
	if err := os.WriteFile(bad, []byte("tls_server_confg: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		change     func(*ServerOptions)
	}{
		{"no port", "--web.listen-address", func(o *ServerOptions) { o.ListenAddresses = []string{"localhost"} }},
		{"port too large", "--web.listen-address", func(o *ServerOptions) { o.ListenAddresses = []string{":70000"} }},
		{"port not a number", "--web.listen-address", func(o *ServerOptions) { o.ListenAddresses = []string{":web"} }},
		{"missing web configuration", "--web.config.file", func(o *ServerOptions) { o.ConfigFile = dir + "/none.yml" }},
		{"unknown key", "tls_server_confg", func(o *ServerOptions) { o.ConfigFile = bad }},
		{"relative path", "--web.telemetry-path", func(o *ServerOptions) { o.TelemetryPath = "metrics" }},
		{"root", "--web.telemetry-path", func(o *ServerOptions) { o.TelemetryPath = "/" }},
		{"taken path", "--web.telemetry-path", func(o *ServerOptions) { o.TelemetryPath = "/api/v1/servers" }},
		{"taken prefix", "--web.telemetry-path", func(o *ServerOptions) { o.TelemetryPath = "/-" }},
		{"pattern", "--web.telemetry-path", func(o *ServerOptions) { o.TelemetryPath = "/{x}" }},
		{"dots", "--web.telemetry-path", func(o *ServerOptions) { o.TelemetryPath = "/a/../b" }},
	} {
		o := ServerOptions{Exporter: newRig(t).Exporter}
		c.change(&o)
		if _, err := NewServer(o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want a mention of %s", c.name, err, c.want)
		}
	}
}

func TestListenerWithoutProcfs(t *testing.T) {
	if got := listenerOf(identity.Proc(t.TempDir()), 9478); got != "another process" {
		t.Errorf("%q", got)
	}
}
