// SPDX-License-Identifier: Apache-2.0

package exporter

import "runtime/debug"

// Panicked counts and logs an error of modeltap itself that cost what is named
// ("a scrape's series"). It is called by who has recovered r, before its stack is
// gone.
func (e *Exporter) Panicked(what string, r any) {
	e.panicked.Add(1)
	e.opts.Logger.Error("modeltap itself failed, please report this", "lost", what, "panic", r, "stack", string(debug.Stack()))
}

// contain runs f. A panic of it costs what is named and nothing else: collectors
// run on goroutines of the registry, where net/http contains nothing.
func (e *Exporter) contain(what string, f func()) {
	defer func() {
		if r := recover(); r != nil {
			e.Panicked(what, r)
		}
	}()
	f()
}
