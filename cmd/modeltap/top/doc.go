// SPDX-License-Identifier: Apache-2.0

// Package top shows a running modeltap in a terminal, or once as a table or as
// JSON. It reads what anybody may read from the daemon, and changes nothing.
package top
