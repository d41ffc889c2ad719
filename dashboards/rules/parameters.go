// SPDX-License-Identifier: Apache-2.0

// Package rules renders the recording rules and alerts from their sources and
// parameters, for Prometheus here and for the chart.
package rules

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Parameter is a value that the sources name as ${Name}.
type Parameter struct {
	Name, Value, Comment string
	// Section is the comment above the group of parameters that it is in.
	Section string
}

// Override changes a single alert; what is nil or empty stays.
type Override struct {
	Enabled  *bool  `yaml:"enabled"`
	For      string `yaml:"for"`
	Severity string `yaml:"severity"`
}

// Parameters is the file parameters.yml.
type Parameters struct {
	List   []Parameter
	Alerts map[string]Override
}

// ParseParameters reads parameters.yml: a flat map, and "alerts".
func ParseParameters(text []byte) (*Parameters, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("parameters: a map of names and values is needed")
	}
	p := &Parameters{}
	section, seen := "", map[string]bool{}
	for at := doc.Content[0].Content; len(at) > 1; at = at[2:] {
		name, value := at[0], at[1]
		if c := comment(name.HeadComment); c != "" {
			section = c
		}
		if seen[name.Value] {
			return nil, fmt.Errorf("parameters: line %d: %s is there twice", name.Line, name.Value)
		}
		seen[name.Value] = true
		if name.Value == "alerts" {
			if err := decodeStrict(value, &p.Alerts); err != nil {
				return nil, fmt.Errorf("parameters: alerts: %w", err)
			}
			continue
		}
		if value.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("parameters: line %d: %s must be a text or a number", name.Line, name.Value)
		}
		p.List = append(p.List, Parameter{name.Value, value.Value, comment(value.LineComment), section})
	}
	return p, nil
}

// decodeStrict refuses keys that to does not have.
func decodeStrict(n *yaml.Node, to any) error {
	text, err := yaml.Marshal(n)
	if err != nil {
		return err
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(to); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// comment returns the last paragraph of a YAML comment as text.
func comment(c string) string {
	if i := strings.LastIndex(c, "\n\n"); i >= 0 {
		c = c[i+2:]
	}
	var lines []string
	for line := range strings.Lines(c) {
		lines = append(lines, strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "#")))
	}
	return strings.TrimSpace(strings.Join(lines, " "))
}

// Set gives a parameter another value.
func (p *Parameters) Set(name, value string) error {
	for i := range p.List {
		if p.List[i].Name == name {
			p.List[i].Value = value
			return nil
		}
	}
	return fmt.Errorf("no parameter %q: see parameters.yml", name)
}

// Get returns the value of a parameter.
func (p *Parameters) Get(name string) string {
	for i := range p.List {
		if p.List[i].Name == name {
			return p.List[i].Value
		}
	}
	return ""
}
