// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"strings"

	"go.yaml.in/yaml/v3"
)

// fileTarget is an entry of "targets" in the configuration file.
type fileTarget struct {
	where                 string // "FILE:LINE: targets"
	text                  string // as --target takes it
	modelPath, ignorePath []string
}

// parseTargets reads the list "targets": strings as --target takes them, or
// maps with the keys name, address, port, model_path and ignore_path.
func parseTargets(path string, n *yaml.Node) ([]fileTarget, error) {
	if n.Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("%s:%d: targets: expected a list, such as [\"chat=8000\"]", path, n.Line)
	}
	var all []fileTarget
	for _, e := range n.Content {
		if e.Kind == yaml.AliasNode {
			e = e.Alias
		}
		t := fileTarget{where: fmt.Sprintf("%s:%d: targets", path, e.Line)}
		switch e.Kind {
		case yaml.ScalarNode:
			t.text = e.Value
		case yaml.MappingNode:
			if err := t.fromMap(path, e); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("%s: expected \"[NAME=][ADDR:]PORT\" or a map with name, address and port", t.where)
		}
		all = append(all, t)
	}
	return all, nil
}

func (t *fileTarget) fromMap(path string, n *yaml.Node) error {
	fields := map[string]string{}
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := fmt.Sprintf("%s:%d: targets: %s", path, key.Line, key.Value)
		var err error
		switch key.Value {
		case "name", "address", "port":
			if value.Kind != yaml.ScalarNode || value.Tag == "!!null" {
				err = fmt.Errorf("%s: expected one value", at)
			}
			if _, again := fields[key.Value]; again {
				err = fmt.Errorf("%s: set twice: keep one", at)
			}
			fields[key.Value] = value.Value
		case "model_path":
			t.modelPath, err = stringList(at, value)
		case "ignore_path":
			t.ignorePath, err = stringList(at, value)
		default:
			err = fmt.Errorf("%s: unknown key%s", at, didYouMean(key.Value, []string{"name", "address", "port", "model_path", "ignore_path"}))
		}
		if err != nil {
			return err
		}
	}
	if fields["port"] == "" {
		return fmt.Errorf("%s: a target needs a port: add port: NUMBER", t.where)
	}
	t.text = fields["port"]
	if a := fields["address"]; a != "" {
		t.text = net.JoinHostPort(strings.Trim(a, "[]"), t.text)
	}
	if name := fields["name"]; name != "" {
		t.text = name + "=" + t.text
	}
	return nil
}

func stringList(at string, n *yaml.Node) ([]string, error) {
	nodes := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		nodes = n.Content
	}
	var all []string
	for _, e := range nodes {
		if e.Kind != yaml.ScalarNode || e.Tag == "!!null" {
			return nil, fmt.Errorf("%s: expected a string or a list of strings", at)
		}
		all = append(all, e.Value)
	}
	return all, nil
}
