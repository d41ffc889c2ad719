// SPDX-License-Identifier: Apache-2.0

// Package check holds the files of Docker Compose against their schema, and what
// they mount and name against what there is. It is a module of its own: Compose is
// no part of modeltap.
package check

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v3"
)

const root = "../../.."

// load reads the files as Compose does: strictly, by its schema, merged.
func load(t *testing.T, files ...string) *types.Project {
	t.Helper()
	details := types.ConfigDetails{WorkingDir: ".."}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join("..", f))
		if err != nil {
			t.Fatal(err)
		}
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: filepath.Join("..", f), Content: text})
	}
	p, err := loader.LoadWithContext(t.Context(), details)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestServices(t *testing.T) {
	p := load(t, "compose.yml")
	if got := p.ServiceNames(); !slices.Equal(got, []string{"alertmanager", "grafana", "modeltap", "prometheus", "victoria-metrics"}) {
		t.Errorf("services %v", got)
	}
	pinned := regexp.MustCompile(`^[a-z/-]+:v?[0-9]+\.[0-9]+\.[0-9]+$`)
	for name, s := range p.Services {
		if !pinned.MatchString(s.Image) && name != "modeltap" {
			t.Errorf("%s: image %s has no version", name, s.Image)
		}
		if s.Privileged || s.Restart != "unless-stopped" {
			t.Errorf("%s: privileged %v, restart %q", name, s.Privileged, s.Restart)
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %v is open to everybody", name, port)
			}
		}
		for on := range s.DependsOn {
			if _, ok := p.Services[on]; !ok {
				t.Errorf("%s depends on %s", name, on)
			}
		}
	}
}

// modeltap has the capabilities and mounts that docs/deployment.md gives to
// "docker run".
func TestModeltapIsAsDocumented(t *testing.T) {
	s := load(t, "compose.yml").Services["modeltap"]
	_, section, _ := strings.Cut(read(t, root+"/docs/deployment.md"), "\n## Docker\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var caps, mounts []string
	for _, m := range regexp.MustCompile(`--cap-add ([A-Z_]+)`).FindAllStringSubmatch(section, -1) {
		caps = append(caps, m[1])
	}
	for _, m := range regexp.MustCompile(`-v (/\S+):(/\S+):ro`).FindAllStringSubmatch(section, -1) {
		mounts = append(mounts, m[1]+" "+m[2])
	}
	var got []string
	for _, v := range s.Volumes {
		if !v.ReadOnly || v.Type != types.VolumeTypeBind {
			t.Errorf("%+v", v)
		}
		got = append(got, v.Source+" "+v.Target)
	}
	slices.Sort(got)
	slices.Sort(mounts)
	if len(caps) < 5 || !slices.Equal(s.CapAdd, caps) || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(got, mounts) {
		t.Errorf("capabilities %v and mounts %v, documented %v and %v", s.CapAdd, got, caps, mounts)
	}
	if s.Pid != "host" || !s.ReadOnly || !slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) {
		t.Errorf("pid %q, read-only %v, %v", s.Pid, s.ReadOnly, s.SecurityOpt)
	}
	if _, err := os.Stat(filepath.Join(s.Build.Context, "Dockerfile")); err != nil {
		t.Error(err)
	}
}

// Everything mounted from the repository exists and is read, and every dashboard
// is mounted where its provider looks.
func TestMounts(t *testing.T) {
	p := load(t, "compose.yml")
	seen, dashboards := 0, map[string]bool{}
	for name, s := range p.Services {
		for _, v := range s.Volumes {
			switch {
			case v.Type == types.VolumeTypeVolume:
				if _, ok := p.Volumes[v.Source]; !ok {
					t.Errorf("%s: no volume %s", name, v.Source)
				}
				continue
			case name == "modeltap": // of the host
				continue
			}
			seen++
			info, err := os.Stat(v.Source)
			if err != nil || !v.ReadOnly {
				t.Errorf("%s: %+v: %v", name, v, err)
				continue
			}
			paths := []string{v.Source}
			if info.IsDir() {
				if paths, err = filepath.Glob(filepath.Join(v.Source, "*.rules.yml")); err != nil || len(paths) < 4 {
					t.Errorf("%s: no rules in %s", name, v.Source)
				}
			}
			for _, path := range paths {
				var doc map[string]any
				if text := []byte(read(t, path)); strings.HasSuffix(path, ".json") {
					err = json.Unmarshal(text, &doc)
					dashboards[filepath.Base(v.Target)] = filepath.Dir(v.Target) == provided(t)
				} else {
					err = yaml.Unmarshal(text, &doc)
				}
				if err != nil || len(doc) == 0 {
					t.Errorf("%s: %v", path, err)
				}
			}
		}
	}
	all, err := filepath.Glob(root + "/dashboards/*.json")
	if err != nil || len(all) < 5 || seen < 9 {
		t.Errorf("%d dashboards, %d mounts: %v", len(all), seen, err)
	}
	for _, path := range all {
		if !dashboards[filepath.Base(path)] {
			t.Errorf("%s is not mounted in %s", path, provided(t))
		}
	}
}

// provided is the folder in which Grafana's provider looks for dashboards.
func provided(t *testing.T) string {
	var c struct {
		Providers []struct {
			Options struct {
				Path string `yaml:"path"`
			} `yaml:"options"`
		} `yaml:"providers"`
	}
	if err := yaml.Unmarshal([]byte(read(t, root+"/dashboards/provisioning/dashboards/modeltap.yml")), &c); err != nil {
		t.Fatal(err)
	}
	return c.Providers[0].Options.Path
}

// Every host that a mounted configuration names is a service, with that port, and
// every file that a command names is mounted.
func TestNamesMeet(t *testing.T) {
	p := load(t, "compose.yml")
	// What each image listens on, and our own port.
	ports := map[string]string{"modeltap": "9478", "prometheus": "9090", "alertmanager": "9093", "victoria-metrics": "8428", "grafana": "3000"}
	for name, s := range p.Services {
		if s.Ports[0].Published != ports[name] || s.Ports[0].Target == 0 {
			t.Errorf("%s: ports %v", name, s.Ports)
		}
		for _, arg := range s.Command {
			_, path, _ := strings.Cut(arg, "=")
			if strings.HasPrefix(path, "/") && !slices.ContainsFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == path }) {
				t.Errorf("%s: %s is not mounted", name, path)
			}
		}
	}
	meet := func(address string) {
		host, port, _ := strings.Cut(address, ":")
		if ports[host] == "" || ports[host] != port {
			t.Errorf("%s is no service", address)
		}
	}
	var c struct {
		Alerting struct {
			Managers []struct {
				Static []struct {
					Targets []string `yaml:"targets"`
				} `yaml:"static_configs"`
			} `yaml:"alertmanagers"`
		} `yaml:"alerting"`
		Scrape []struct {
			Static []struct {
				Targets []string `yaml:"targets"`
			} `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
		Write []struct {
			URL string `yaml:"url"`
		} `yaml:"remote_write"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "../../prometheus/victoriametrics.yml")), &c); err != nil {
		t.Fatal(err)
	}
	meet(c.Alerting.Managers[0].Static[0].Targets[0])
	meet(c.Scrape[0].Static[0].Targets[0])
	u, err := url.Parse(c.Write[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	meet(u.Host)
	var g struct {
		Sources []struct {
			URL string `yaml:"url"`
		} `yaml:"datasources"`
	}
	if err := yaml.Unmarshal([]byte(read(t, root+"/dashboards/provisioning/datasources/modeltap.yml")), &g); err != nil {
		t.Fatal(err)
	}
	meet(strings.TrimPrefix(g.Sources[0].URL, "http://"))
}

// The file for GPUs adds them and changes nothing else.
func TestGPUs(t *testing.T) {
	with, without := load(t, "compose.yml", "gpu.yml").Services["modeltap"], load(t, "compose.yml").Services["modeltap"]
	if d := with.Deploy.Resources.Reservations.Devices; len(d) != 1 || d[0].Driver != "nvidia" || d[0].Count != -1 || !slices.Equal(d[0].Capabilities, []string{"gpu"}) {
		t.Errorf("%+v", d)
	}
	if !slices.Equal(with.CapAdd, without.CapAdd) || len(with.Volumes) != len(without.Volumes) {
		t.Errorf("%+v", with)
	}
}

// The schema is what the files are held against: a word that it does not know is
// an error.
func TestSchemaIsStrict(t *testing.T) {
	text := strings.Replace(read(t, "../compose.yml"), "read_only: true", "readonly: true", 1)
	_, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{WorkingDir: "..", ConfigFiles: []types.ConfigFile{{Filename: "compose.yml", Content: []byte(text)}}})
	if err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Errorf("%v", err)
	}
}
