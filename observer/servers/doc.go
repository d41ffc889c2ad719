// SPDX-License-Identifier: Apache-2.0

// Package servers knows which model servers there are: what a target means,
// which listening sockets look like model servers, which of them are one, what
// each is called (the "server" label), and to which of them a connection
// belongs. It is pure: package discover tells it what listens, packets ask it.
package servers
