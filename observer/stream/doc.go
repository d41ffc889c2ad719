// SPDX-License-Identifier: Apache-2.0

// Package stream turns the two byte streams of a TCP connection into HTTP
// exchanges: it finds out which protocol is spoken, pairs answers with
// requests, and drives one llm.Exchange for each model request. It keeps what
// it counts in a Shard and takes no locks.
package stream
