// SPDX-License-Identifier: Apache-2.0

// Package identity names what owns a socket: the process, by its command line;
// the container, pod or unit, by the path of its cgroup; and what people call
// those, by what the node keeps of them. It reads procfs and the node's
// directories, and knows neither sockets of its own nor BPF.
package identity
