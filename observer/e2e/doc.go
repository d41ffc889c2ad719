// SPDX-License-Identifier: Apache-2.0

// Package e2e holds the end-to-end tests: model servers that nobody here wrote
// or changed, real clients, the daemon as a subprocess, and the client's own
// clock as truth.
//
// The servers and clients are installed at pinned versions by setup.sh, which
// the tests call; package rig starts and reads them. The tests need root,
// because the daemon attaches to the kernel; package sandbox keeps each of them
// from seeing the host's other servers and the other tests', which run beside it.
// Tests called TestLoad… run alone. The comparison of what observing costs is the
// program in overhead.
package e2e
