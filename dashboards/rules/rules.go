// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// File is a rule file of Prometheus.
type File struct {
	Groups []Group `yaml:"groups"`
}

// Group is a group of rules that are evaluated one after another.
type Group struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval"`
	Rules    []Rule `yaml:"rules"`
}

// Rule is a recording rule or an alert.
type Rule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// Header is the first line of a rendered file.
const Header = "# Written by \"make rules\" from source/ and parameters.yml: change those.\n"

// Render puts parameters into the text of a source. Comments stay where no
// alert is changed.
func Render(source string, p *Parameters) (string, error) {
	text := source
	for _, v := range p.List {
		text = strings.ReplaceAll(text, "${"+v.Name+"}", v.Value)
	}
	if _, after, found := strings.Cut(text, "${"); found {
		name, _, _ := strings.Cut(after, "}")
		return "", fmt.Errorf("no value for ${%s}: add it to parameters.yml", name)
	}
	file, err := Parse([]byte(text))
	if err != nil || !file.override(p.Alerts) {
		return text, err
	}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	err = enc.Encode(file)
	return out.String(), err
}

// Parse reads a rule file and refuses what it does not know.
func Parse(text []byte) (*File, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	f := &File{}
	return f, dec.Decode(f)
}

// override changes alerts and says whether it did.
func (f *File) override(all map[string]Override) (changed bool) {
	for g := range f.Groups {
		f.Groups[g].Rules = slices.DeleteFunc(f.Groups[g].Rules, func(r Rule) bool {
			o := all[r.Alert]
			changed = changed || o.Enabled != nil && !*o.Enabled
			return o.Enabled != nil && !*o.Enabled
		})
		for i := range f.Groups[g].Rules {
			r := &f.Groups[g].Rules[i]
			if o := all[r.Alert]; o.For != "" {
				r.For, changed = o.For, true
			}
			if o := all[r.Alert]; o.Severity != "" {
				r.Labels["severity"], changed = o.Severity, true
			}
		}
	}
	f.Groups = slices.DeleteFunc(f.Groups, func(g Group) bool { return len(g.Rules) == 0 })
	return changed
}

// Sources returns the texts in the folder source of dir, by file name.
func Sources(dir string) (map[string]string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "source", "*.yml"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no sources in %s: run this in dashboards/rules", filepath.Join(dir, "source"))
	}
	all := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		all[filepath.Base(path)] = string(text)
	}
	return all, nil
}

// RenderAll returns the rule files, by file name.
func RenderAll(sources map[string]string, p *Parameters) (map[string]string, error) {
	all, alerts, used := map[string]string{}, map[string]bool{}, ""
	for name, source := range sources {
		text, err := Render(source, p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all[strings.TrimSuffix(name, ".yml")+".rules.yml"] = Header + text
		used += source
		for line := range strings.Lines(source) {
			if _, a, ok := strings.Cut(line, "- alert: "); ok {
				alerts[strings.TrimSpace(a)] = true
			}
		}
	}
	for name := range p.Alerts {
		if !alerts[name] {
			return nil, fmt.Errorf("alerts: there is no alert %q", name)
		}
	}
	for _, v := range p.List {
		if !strings.Contains(used, "${"+v.Name+"}") {
			return nil, fmt.Errorf("parameter %s is used nowhere: remove it", v.Name)
		}
	}
	return all, nil
}
