// SPDX-License-Identifier: Apache-2.0

// Package observer builds the pipeline: a capture source, the shards that
// rebuild streams and measure exchanges, and the targets that say what to
// watch. It does nothing else.
package observer
