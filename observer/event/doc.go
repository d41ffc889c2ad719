// SPDX-License-Identifier: Apache-2.0

// Package event holds the leaf value types that travel between the rooms of
// the observer: segments on the way in, exchanges, tallies and snapshots on the
// way out. It imports nothing of this project and does no work of its own.
package event
