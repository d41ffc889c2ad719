// SPDX-License-Identifier: Apache-2.0

// Package live is the live page: what the model servers have done in the last
// 15 minutes, kept as ticks of one second, sent to browsers as one snapshot and
// then as server-sent events, and rendered as HTML for those without scripts.
// It holds figures and names only; no text, path, header or address of a client
// gets here.
package live
