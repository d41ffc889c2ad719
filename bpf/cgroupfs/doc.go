// SPDX-License-Identifier: Apache-2.0

// Package cgroupfs finds the root of the host's cgroup v2 hierarchy and what
// stands below it, by path and by id.
package cgroupfs
