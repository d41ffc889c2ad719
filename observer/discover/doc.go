// SPDX-License-Identifier: Apache-2.0

// Package discover finds the listening sockets of a host and keeps the table of
// package servers up to date with them: one dump at the start, bind and close
// events of the kernel afterwards, and a scout for the servers that neither
// shows. It decides what is captured where.
//
// A Discoverer works on one goroutine of its own. What it asks of the host is a
// Kernel, a value of functions; Linux is the real one.
package discover
