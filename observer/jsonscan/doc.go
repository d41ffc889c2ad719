// SPDX-License-Identifier: Apache-2.0

// Package jsonscan finds fields by path in JSON documents (RFC 8259) that
// arrive in pieces, cut anywhere, without keeping them.
//
// NaN, Infinity and -Infinity, which Python's json writes, are taken as null.
//
// In a document that encoding/json accepts, the values found are those that
// encoding/json finds, with these differences: bytes that are not UTF-8 are
// handed over as they are, and values beyond the limits of Value are cut as it
// says.
//
// What is looked at is checked, what is skipped is not: a string may hold
// control characters; a value that no path leads to may hold unknown escapes,
// misshapen numbers and, inside an array or object, anything between its
// strings and its well-nested brackets. Any other document that is not JSON
// fails at the latest at its End. Fields that were reported before stand.
package jsonscan
