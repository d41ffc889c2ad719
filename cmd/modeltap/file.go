// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	"go.yaml.in/yaml/v3"

	"github.com/modeltap/modeltap/exporter"
)

// maxConfigBytes is far above any configuration and keeps a wrong path, such
// as a device, from filling the memory.
const maxConfigBytes = 1 << 20

// config is what a configuration file says.
type config struct {
	values  map[string]given
	targets []fileTarget
	slo     []exporter.Objective
}

// readConfigFile reads the YAML file at path, whose keys are names of flags
// and "targets". No path is an empty configuration. Errors begin with the
// path and, where one is to blame, the line.
func readConfigFile(path string, flags []*kingpin.FlagModel) (*config, error) {
	c := &config{values: map[string]given{}}
	if path == "" {
		return c, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w: correct --config.file or create the file", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfigBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w: --config.file must name a readable YAML file", err)
	}
	if len(text) > maxConfigBytes {
		return nil, fmt.Errorf("%s: larger than %d bytes: --config.file must name a YAML file of settings", path, maxConfigBytes)
	}
	if err := c.parse(path, text, flags); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *config) parse(path string, text []byte, flags []*kingpin.FlagModel) error {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		return fmt.Errorf("%s: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: holds more than one YAML document: keep one", path)
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil
	}
	if root.Kind != yaml.MappingNode {
		return fmt.Errorf("%s:%d: expected keys and values, such as \"log.level: debug\"", path, root.Line)
	}
	byName := map[string]*kingpin.FlagModel{}
	names := []string{"targets", "slo"}
	for _, f := range flags {
		byName[f.Name] = f
		names = append(names, f.Name)
	}
	seen := map[string]int{}
	for i := 0; i < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		at := fmt.Sprintf("%s:%d: %s", path, key.Line, key.Value)
		if line, ok := seen[key.Value]; ok {
			return fmt.Errorf("%s: set already in line %d: keep one of them", at, line)
		}
		seen[key.Value] = key.Line
		var err error
		switch f := byName[key.Value]; {
		case key.Value == "targets":
			c.targets, err = parseTargets(path, value)
		case key.Value == "slo":
			c.slo, err = parseObjectives(path, value)
		case key.Value == "config.file":
			err = fmt.Errorf("%s: a configuration file cannot name another: remove the key", at)
		case f == nil:
			err = fmt.Errorf("%s: unknown key%s", at, didYouMean(key.Value, names))
		default:
			err = c.set(at, f, value)
		}
		if err != nil {
			return err
		}
	}
	if line, both := seen["target"]; both && seen["targets"] > 0 {
		return fmt.Errorf("%s:%d: target and targets are both set: keep targets", path, line)
	}
	return nil
}

func (c *config) set(at string, f *kingpin.FlagModel, value *yaml.Node) error {
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	nodes := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode {
		if !repeatable(f) {
			return fmt.Errorf("%s: takes one value, not a list", at)
		}
		nodes = value.Content
	}
	g := given{where: at}
	for _, n := range nodes {
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
			return fmt.Errorf("%s: expected a value in line %d: write %s: VALUE, or remove the key", at, n.Line, f.Name)
		}
		g.values = append(g.values, n.Value)
	}
	c.values[f.Name] = g
	return nil
}
