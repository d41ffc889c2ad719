// SPDX-License-Identifier: Apache-2.0

// Package hostprobe tells what the kernel offers, what this process may do, and
// what around it stands in the way, each with its remedy.
package hostprobe
