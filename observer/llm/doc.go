// SPDX-License-Identifier: Apache-2.0

// Package llm gives meaning to HTTP exchanges with model servers. A Dialect is
// a table: the routes of one API family and the JSON paths where its requests,
// answers and stream events carry what counts. An Exchange follows one request
// through its life and measures it: time to first token, inter-token latency,
// tokens, outcome. No text is kept.
package llm
