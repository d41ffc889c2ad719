// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/modeltap/modeltap/exporter"
)

// parseObjectives reads the list "slo" of the configuration file: maps with the
// keys server, model, ttft, tpot and duration, of which the last three are
// times such as 500ms.
func parseObjectives(path string, n *yaml.Node) ([]exporter.Objective, error) {
	if n.Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("%s:%d: slo: expected a list, such as [{server: chat, ttft: 500ms}]", path, n.Line)
	}
	var all []exporter.Objective
	for _, e := range n.Content {
		if e.Kind == yaml.AliasNode {
			e = e.Alias
		}
		if e.Kind != yaml.MappingNode {
			return nil, fmt.Errorf("%s:%d: slo: expected a map with server, model, ttft, tpot or duration", path, e.Line)
		}
		o, err := parseObjective(path, e)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}

func parseObjective(path string, n *yaml.Node) (o exporter.Objective, err error) {
	names := map[string]*string{"server": &o.Server, "model": &o.Model}
	times := map[string]*time.Duration{"ttft": &o.TTFT, "tpot": &o.TPOT, "duration": &o.Duration}
	seen := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := fmt.Sprintf("%s:%d: slo: %s", path, key.Line, key.Value)
		if value.Kind != yaml.ScalarNode || value.Tag == "!!null" {
			return o, fmt.Errorf("%s: expected one value", at)
		}
		if seen[key.Value] {
			return o, fmt.Errorf("%s: set twice: keep one", at)
		}
		seen[key.Value] = true
		if s := names[key.Value]; s != nil {
			*s = value.Value
			continue
		}
		d := times[key.Value]
		if d == nil {
			return o, fmt.Errorf("%s: unknown key%s", at, didYouMean(key.Value, []string{"server", "model", "ttft", "tpot", "duration"}))
		}
		if *d, err = time.ParseDuration(value.Value); err != nil || *d <= 0 {
			return o, fmt.Errorf("%s: %q is no time: write one such as 500ms or 30s", at, value.Value)
		}
	}
	if o.TTFT == 0 && o.TPOT == 0 && o.Duration == 0 {
		return o, fmt.Errorf("%s:%d: slo: an objective needs a time: add ttft, tpot or duration", path, n.Line)
	}
	return o, nil
}
