// SPDX-License-Identifier: Apache-2.0

// Package target decides which listening TCP sockets are model servers, what
// each is called (the "server" label) and which of its routes are model
// requests.
//
// Specs, Paths, Candidates and Table are pure and compile on any system.
// Manager, on Linux, feeds the Table from the kernel: one dump of the listening
// sockets at start, bind and close events afterwards, and a scout for the
// servers that neither shows.
package target
