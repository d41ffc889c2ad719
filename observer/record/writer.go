// SPDX-License-Identifier: Apache-2.0

package record

import (
	"errors"
	"fmt"
	"io"

	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/http1"
)

// ErrFull says that the recording has reached Options.MaxBytes. What was
// written is a whole file.
var ErrFull = errors.New("recording is full (raise --max-bytes for more)")

// Options are the options of a Writer.
type Options struct {
	// KeepText writes message bodies as they are. Heads are masked all the
	// same, because credentials travel in them.
	KeepText bool
	// MaxBytes bounds the file; 0 does not.
	MaxBytes int64
	// Offset in ns is added to each Segment's Time to give Unix time: the
	// difference of the two clocks at some moment for a live source, 0 for a
	// file.
	Offset int64
}

// Writer writes segments to a pcapng file with link type LINKTYPE_RAW and time
// stamps in ns. It belongs to one goroutine.
type Writer struct {
	out    *pcapgo.NgWriter
	opt    Options
	size   int64
	packet packet
	pool   http1.Pool
	conns  map[connKey]*conn
	trees  *trees
	copied []byte
	err    error
}

// blockOverhead is what an enhanced packet block adds to its data, alignment
// included (draft-ietf-opsawg-pcapng section 4.3), and headerSize what the
// file begins with, at most.
const (
	blockOverhead = 32 + 3
	headerSize    = 512
)

// NewWriter begins a recording on w, which it does not close.
func NewWriter(w io.Writer, opt Options) (*Writer, error) {
	intf := pcapgo.DefaultNgInterface
	intf.Name, intf.LinkType = "modeltap", layers.LinkTypeRaw
	ng := pcapgo.DefaultNgWriterOptions
	ng.SectionInfo.Application, ng.SectionInfo.Hardware = "modeltap", ""
	if !opt.KeepText {
		ng.SectionInfo.Comment = "text masked by modeltap record"
	}
	out, err := pcapgo.NewNgWriterInterface(w, intf, ng)
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return nil, failed(err)
	}
	return &Writer{out: out, opt: opt, size: headerSize, conns: make(map[connKey]*conn), trees: newTrees()}, nil
}

func failed(err error) error {
	return fmt.Errorf("write recording: %w (check that the file system has space and stays mounted)", err)
}

// Segments writes a batch, in the order in which the source saw it, and copies
// what it needs of it. After an error every call returns the same.
func (w *Writer) Segments(batch []event.Segment) error {
	for i := range batch {
		if w.err != nil {
			return w.err
		}
		if batch[i].Kind == event.KindData {
			w.err = w.segment(&batch[i])
		}
	}
	if len(batch) > 0 && w.err == nil {
		if err := w.out.Flush(); err != nil {
			w.err = failed(err)
		}
	}
	return w.err
}

// Close completes the file. After ErrFull the file is complete, too.
func (w *Writer) Close() error {
	for k, c := range w.conns {
		c.release()
		delete(w.conns, k)
	}
	if w.err != nil && !errors.Is(w.err, ErrFull) {
		return w.err
	}
	if err := w.out.Flush(); err != nil {
		return failed(err)
	}
	return nil
}

// segment masks and writes s.
func (w *Writer) segment(s *event.Segment) error {
	n := len(s.Payload)
	if s.Flags&event.Skipped != 0 {
		n = int(s.Len) // a replay must not take skipped bytes for lost ones
	}
	w.copied = append(w.copied[:0], s.Payload...)
	w.copied = append(w.copied, make([]byte, max(n-len(s.Payload), 0))...)
	c := w.conn(s)
	c.half[s.Dir].mask(s, w.copied)
	w.end(s, c)
	return w.write(s, w.copied)
}

// conn returns what is known of the connection of s.
func (w *Writer) conn(s *event.Segment) *conn {
	key := connKey{s.Flow, s.NetNS}
	c := w.conns[key]
	opens := s.Flags&event.SYN != 0
	if c != nil && opens && s.Dir == event.Request {
		c.release()
		delete(w.conns, key)
		c = nil
	}
	if c == nil {
		for k, old := range w.conns {
			if len(w.conns) < connLimit {
				break
			}
			old.release()
			delete(w.conns, k)
		}
		c = newConn(&w.pool, w.trees, w.opt.KeepText, !opens)
		w.conns[key] = c
	}
	if opens {
		h := &c.half[s.Dir]
		h.next, h.known = s.Seq+1, true
	}
	return c
}

// end forgets a connection that s closes.
func (w *Writer) end(s *event.Segment, c *conn) {
	if s.Flags&event.FIN != 0 {
		c.fin[s.Dir] = true
	}
	if s.Flags&event.RST != 0 || c.fin == [2]bool{true, true} {
		c.release()
		delete(w.conns, connKey{s.Flow, s.NetNS})
	}
}
