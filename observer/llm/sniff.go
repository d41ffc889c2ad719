// SPDX-License-Identifier: Apache-2.0

package llm

// A body without a content type may be text or JSON lines: hand-written
// services of Starlette's StreamingResponse say neither. Its first HTTP chunk
// tells, for it is a line of JSON, or the beginning of a text.

// sniff takes a piece of the first chunk of such a body.
func (e *Exchange) sniff(p []byte) { e.eventData(p) }

// sniffed ends the first chunk of such a body.
func (e *Exchange) sniffed() {
	lined := e.scanner != nil && e.scanner.Done()
	counts := e.closeDocument()
	switch {
	case lined:
		e.body = bodyChunkedJSON
		e.ndjson.Reset((*lines)(e), '\n')
		if counts {
			e.commitCounts()
		}
	default:
		e.body = bodyText
	}
	e.restart()
}
