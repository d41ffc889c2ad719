// SPDX-License-Identifier: Apache-2.0

// Package record writes the segments of a source to a pcapng file without
// what was said in them, so that a recording can be handed to strangers and
// still replays to the same exchanges, latencies and token counts.
//
// Masking lets through only what a table lists; whatever it does not understand
// is overwritten. In every case each byte is replaced by one byte.
//
//   - Documents: package llm says for each path of an API's requests, answers
//     and events what may be kept of the value there (llm.Keep). Structure and
//     literals stay everywhere, keys where a path leads to them, short plain
//     words and numbers where the table says so. Of an API that nobody
//     published, and of a document of which it is not sure whose it is, no
//     word and no number is kept. Digits become other digits.
//   - Which API it is tell the route, what is asked, and the form of the
//     answer. An answer is that of its request only while none can have been
//     lost.
//   - Heads: known methods, the segments of paths that a known route has and
//     the names of models there, versions, status codes, names of well-known
//     fields, and the values of those few that framing and measurement need.
//     Query strings, folded lines and all other values are masked.
//   - Events: well-known field names, and the names of events of known APIs.
//   - Text is masked by script: letters stay letters of their script, digits
//     digits, white space itself, so that estimates of tokens stay the same.
//   - Compressed, binary and multipart bodies become zeros.
//   - Retransmissions, bytes out of order, other protocols and everything
//     whose place in a message is not known become the letter x, bytes that
//     the source skipped too. Bytes that capture lost are lost in the file.
//
// Sizes, times, addresses, model names and the counts that servers state stay:
// a recording is free of text, not anonymous.
package record
