// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"

	"github.com/modeltap/modeltap/observer/servers"
)

// rules are the settings that a reload may change, but for the log level.
type rules struct {
	targets       []servers.Spec
	model, ignore []*regexp.Regexp
}

// rules compiles the targets and path rules. --target and its environment
// variable go before "targets" of the file.
func (s *settings) rules() (rules, error) {
	var r rules
	var err error
	if r.model, err = compilePaths("model-path", s.modelPath); err != nil {
		return r, err
	}
	if r.ignore, err = compilePaths("ignore-path", s.ignorePath); err != nil {
		return r, err
	}
	entries := s.fileTargets
	if len(s.targets) > 0 {
		entries = nil
		for _, t := range s.targets {
			entries = append(entries, fileTarget{text: t})
		}
	}
	for _, e := range entries {
		spec, err := e.spec()
		if err != nil {
			return r, err
		}
		r.targets = append(r.targets, spec)
	}
	if err := servers.CheckSpecs(r.targets); err != nil {
		return r, usageError{err}
	}
	return r, nil
}

func (t *fileTarget) spec() (servers.Spec, error) {
	spec, err := servers.ParseSpec(t.text)
	if err != nil {
		if t.where != "" {
			err = fmt.Errorf("%s: %w", t.where, err)
		}
		return spec, usageError{err}
	}
	if spec.Model, err = compilePaths(t.where+": model_path", t.modelPath); err != nil {
		return spec, err
	}
	spec.Ignore, err = compilePaths(t.where+": ignore_path", t.ignorePath)
	return spec, err
}
