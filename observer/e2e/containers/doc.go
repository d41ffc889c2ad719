// SPDX-License-Identifier: Apache-2.0

// Package containers proves modeltap in real containers: pods of containerd,
// asked for by the Container Runtime Interface as the kubelet does, and
// containers of Docker. It is a module of its own: Helm, Kubernetes and the
// runtime's API are no part of modeltap.
package containers
