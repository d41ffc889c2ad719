// SPDX-License-Identifier: Apache-2.0

// Package tokens counts the tokens of a request and its answer by the best
// evidence there is, and names that evidence.
//
// What the server states is taken as it is. Without that, tokens are counted by
// the event where each event says how many it holds; else events are counted,
// if their number fits the text; else the text is measured by its scripts, and
// corrected by what the same server stated for other requests.
package tokens
