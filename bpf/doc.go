// SPDX-License-Identifier: Apache-2.0

// Package bpf holds the kernel side of modeltap: the C programs, the objects
// built from them, and what loads, attaches, probes and explains them. It is
// the only package that loads BPF, and it imports nothing of this project.
package bpf
