// SPDX-License-Identifier: Apache-2.0

// Package meter keeps the figures that are too frequent for a metrics library:
// inter-token and inter-chunk latencies and the live token rate, one Series for
// each (server, api, model). A Book and its Series belong to one shard and take
// no locks; a Labels is shared by all shards and bounds what the wire can name.
package meter
