// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/modeltap/modeltap/"

// mayImport is the import direction: for each room, the rooms it may use
// beside itself and the rooms inside it. A room that is not listed fails the
// test, so that every new one states its place.
var mayImport = map[string][]string{
	"bpf":                        {},
	"bpf/cgroupfs":               {},
	"bpf/hostprobe":              {"bpf/cgroupfs"},
	"cmd/modeltap/top":           {}, // knows a daemon by what it serves
	"cmd/modeltap":               {"bpf", "exporter", "exporter/live", "exporter/otlp", "gpu", "observer", "observer/event", "observer/host", "observer/identity/cri", "observer/record", "observer/servers", "observer/tokenizer", "observer/source"},
	"exporter":                   {"gpu", "observer/event", "observer/host", "observer/identity"},
	"deploy":                     {},
	"gpu":                        {},
	"observer/host":              {"observer/identity"},
	"exporter/otlp":              {"observer/event"},
	"exporter/live":              {"exporter/web", "gpu", "observer/event", "observer/host"},
	"exporter/web":               {},
	"exporter/web/e2e":           {}, // drives modeltap and a browser as processes
	"observer":                   {"bpf", "observer/budget", "observer/discover", "observer/event", "observer/http1", "observer/identity", "observer/llm", "observer/meter", "observer/ndjson", "observer/record", "observer/servers", "observer/source", "observer/sse", "observer/stream", "observer/tcp", "observer/tokens"},
	"observer/budget":            {},
	"observer/discover":          {"bpf", "observer/event", "observer/identity", "observer/servers"},
	"observer/e2e":               {"bpf", "observer/event"},
	"observer/event":             {},
	"observer/http1":             {"observer/budget", "observer/event", "observer/message"},
	"observer/identity":          {},
	"observer/jsonscan":          {"observer/event"},
	"observer/llm":               {"observer/budget", "observer/event", "observer/http1", "observer/jsonscan", "observer/ndjson", "observer/sse", "observer/tokens", "observer/meter"},
	"observer/message":           {},
	"observer/meter":             {"observer/event", "observer/tokens"},
	"observer/ndjson":            {"observer/event"},
	"observer/record":            {"observer/event", "observer/http1", "observer/llm", "observer/sse", "observer/ndjson", "observer/jsonscan", "observer/tcp"},
	"observer/servers":           {"observer/event", "observer/identity"},
	"observer/source/afpacket":   {"observer/event", "observer/source/turn", "observer/tcp"},
	"observer/source/cgroup":     {"bpf", "observer/event", "observer/source/turn"},
	"observer/source/pcapfile":   {"observer/event", "observer/source/turn", "observer/tcp"},
	"observer/source/turn":       {},
	"observer/sniff":             {"observer/event"},
	"observer/sse":               {"observer/event"},
	"observer/stream":            {"observer/budget", "observer/event", "observer/http1", "observer/llm", "observer/message", "observer/servers", "observer/sniff", "observer/tcp"},
	"observer/tcp":               {"observer/budget", "observer/event"},
	"observer/tokenizer":         {},
	"observer/tokens":            {"observer/event"},
	"observer/tokens/errortable": {"observer/tokenizer", "observer/tokens"},
}

// pure rooms use the standard library and our own pure rooms, nothing else,
// and have neither clock, log nor network.
var pure = []string{"observer/budget", "observer/event", "observer/message", "observer/sniff", "observer/tcp", "observer/http1", "observer/sse", "observer/ndjson", "observer/jsonscan", "observer/tokens", "observer/llm", "observer/meter", "observer/servers"}

var impure = []string{"log", "log/slog", "net", "net/http", "os", "os/exec", "syscall"}

type goPackage struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,Standard", module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// roomOf returns the listed room that holds a package of ours.
func roomOf(pkg string) (string, bool) {
	best := ""
	for room := range mayImport {
		if within(pkg, room) && len(room) > len(best) && (room != "observer" || pkg == room) {
			best = room
		}
	}
	return best, best != ""
}

func within(pkg, room string) bool { return pkg == room || strings.HasPrefix(pkg, room+"/") }

func TestImportDirection(t *testing.T) {
	all := listPackages(t)
	if len(all) < 3 {
		t.Fatalf("go list found %d packages: the test looks at nothing", len(all))
	}
	for _, p := range all {
		pkg := strings.TrimPrefix(p.ImportPath, module)
		room, ok := roomOf(pkg)
		if !ok {
			t.Errorf("%s: no room of the import direction: give it its place in mayImport", pkg)
			continue
		}
		for _, i := range p.Imports {
			other, ours := strings.CutPrefix(i, module)
			if ours && !within(other, room) && !allowed(room, other) {
				t.Errorf("%s imports %s: %s may import %v", pkg, other, room, mayImport[room])
			}
		}
	}
}

func allowed(room, other string) bool {
	for _, a := range mayImport[room] {
		if other == a || a != "observer" && within(other, a) {
			return true
		}
	}
	return false
}

func TestPureRooms(t *testing.T) {
	for _, p := range listPackages(t) {
		room, _ := roomOf(strings.TrimPrefix(p.ImportPath, module))
		for _, r := range pure {
			if r != room {
				continue
			}
			for _, i := range p.Imports {
				if strings.Contains(strings.SplitN(i, "/", 2)[0], ".") && !strings.HasPrefix(i, module) {
					t.Errorf("%s imports %s: a parser uses the standard library only", room, i)
				}
				for _, bad := range impure {
					if i == bad {
						t.Errorf("%s imports %s: a parser has no clock, log or system call", room, i)
					}
				}
			}
		}
	}
}

// Streams are followed without a kernel: no package that knows one is reached,
// not even through others.
func TestStreamReachesNoKernel(t *testing.T) {
	for _, room := range []string{"observer/stream", "observer/servers", "observer/llm", "observer/tcp"} {
		out, err := exec.Command("go", "list", "-deps", module+room).Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		deps := strings.Fields(string(out))
		if len(deps) < 10 {
			t.Fatalf("%s reaches %d packages: the test looks at nothing", room, len(deps))
		}
		for _, dep := range deps {
			for _, kernel := range []string{module + "bpf", module + "observer/discover", module + "observer/source", "github.com/cilium/ebpf", "golang.org/x/sys"} {
				if within(dep, kernel) {
					t.Errorf("%s reaches %s", room, dep)
				}
			}
		}
	}
}
