// SPDX-License-Identifier: Apache-2.0

// Package record writes the segments of a source to a pcapng file without
// what was said in them, so that a recording can be handed to strangers and
// still replays to the same exchanges, latencies and token counts.
//
// Masking lets through only what it knows to be harmless; whatever it does not
// understand is overwritten. In every case each byte is replaced by one byte.
//
//   - Heads: known methods, the path up to 256 bytes or the first character
//     that routes do not use, versions, status codes, names of well-known
//     fields, and the values of those few that framing and measurement need.
//     Query strings, folded lines and all other values are masked.
//   - JSON, alone, in lines and in events: structure, literals, well-known
//     keys, numbers under them, and short plain words under model, id, object,
//     type, role, status and the finish reasons. All other strings are masked,
//     and the numbers in arrays and of ids, because token ids are text. The
//     names of Gradio's edits stay.
//   - Events: well-known field names, and the names of events.
//   - Text is masked by script: letters stay letters of their script, digits
//     digits, white space itself, so that estimates of tokens stay the same.
//   - Compressed, binary and multipart bodies become zeros.
//   - Retransmissions, bytes out of order, other protocols and everything
//     whose place in a message is not known become the letter x, bytes that
//     the source skipped too. Bytes that capture lost are lost in the file.
//
// Numbers, sizes, times, addresses, paths and model names stay: a recording is
// free of text, not anonymous.
package record
