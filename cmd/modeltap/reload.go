// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// reloadable are the flags that a reload may change.
var reloadable = []string{"target", "model-path", "ignore-path", "log.level"}

// reloader reads the configuration again.
type reloader struct {
	*daemon
	again func() (*settings, error)

	mu  sync.Mutex
	now *settings // what is in force
}

// reload applies the configuration as it is now. What it cannot apply it
// refuses whole, by name, and leaves everything as it was. It logs and counts
// its result.
func (r *reloader) reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.apply()
	r.exporter.Reloaded(err)
	if err != nil {
		r.log.Error("reload refused, the configuration in force stays", "err", err)
		return err
	}
	r.log.Info("configuration reloaded", "targets", len(r.now.targets)+len(r.now.fileTargets))
	return nil
}

func (r *reloader) apply() error {
	next, err := r.again()
	if err != nil {
		return err
	}
	if changed := fixedChanges(r.now, next); len(changed) > 0 {
		return usagef("%s cannot change while modeltap runs: restart it, or undo the change", strings.Join(changed, ", "))
	}
	rules, err := next.rules()
	if err != nil {
		return err
	}
	if err := r.observer.Reload(rules.targets, rules.model, rules.ignore); err != nil {
		return err
	}
	r.exporter.SetObjectives(next.objectives)
	r.level.Set(levelOf(next.logLevel))
	r.now = next
	return nil
}

// fixedChanges returns the flags that differ and that only a restart applies.
func fixedChanges(old, next *settings) []string {
	var names []string
	for name, v := range next.values {
		if v != old.values[name] && !slices.Contains(reloadable, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// onHangup reloads at each SIGHUP until ctx ends.
func (r *reloader) onHangup(ctx context.Context) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
			_ = r.reload() // logged and counted there
		}
	}
}
