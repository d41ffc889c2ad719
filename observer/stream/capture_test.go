// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/source/pcapfile"
	"github.com/modeltap/modeltap/observer/tcp"
)

// piece is what one segment brought.
type piece struct {
	dir   event.Direction
	time  int64
	bytes []byte
}

// conversation is one connection of a capture.
type conversation struct {
	file   string
	pieces []piece
}

// conversations reads the connections of a capture.
func conversations(t testing.TB, file string) (all []*conversation) {
	t.Helper()
	a := tcp.New(tcp.Config{New: func(*tcp.Conn, *event.Segment) tcp.Handler {
		c := &conversation{file: filepath.Base(file)}
		all = append(all, c)
		return c
	}})
	src := pcapfile.New(pcapfile.Config{Path: file})
	err := src.Run(t.Context(), func(batch []event.Segment, _ int64) {
		for i := range batch {
			a.Segment(&batch[i])
		}
	}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatalf("%s holds no connection", file)
	}
	return all
}

func (c *conversation) Data(d event.Direction, m event.Mark, p []byte) {
	c.pieces = append(c.pieces, piece{d, m.Time, append([]byte(nil), p...)})
}
func (c *conversation) Skip(event.Direction, event.Mark, int) {}
func (c *conversation) Gap(event.Direction, event.Mark, int)  {}
func (c *conversation) FIN(event.Direction, event.Mark)       {}
func (c *conversation) Read(int64, uint64)                    {}
func (c *conversation) Close(int64, tcp.CloseReason)          {}

// captures returns the recorded connections of testdata.
func captures(t testing.TB) (all []*conversation) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.pcap")
	if err != nil || len(files) == 0 {
		t.Fatalf("testdata holds no captures: %v", err)
	}
	for _, f := range files {
		all = append(all, conversations(t, f)...)
	}
	return all
}

// speaks says what a recorded connection speaks, by the name of its capture.
func (c *conversation) speaks() event.Unobserved {
	if strings.HasPrefix(c.file, "ws-") && !strings.HasPrefix(c.file, "ws-h2") {
		return event.UnobservedWebSocket
	}
	return event.UnobservedHTTP2
}

// hear plays pieces on one connection to an explicit target; with cut > 0 in
// parts of that many bytes.
func (k *talk) hear(t testing.TB, whole bool, cut int, pieces []piece) {
	h := k.shard.Handler(&tcp.Conn{Whole: whole}, explicit(t))
	end := int64(0)
	for _, p := range pieces {
		end = p.time
		for b := p.bytes; len(b) > 0; {
			n := len(b)
			if cut > 0 {
				n = min(n, cut)
			}
			h.Data(p.dir, event.Mark{Time: p.time}, append([]byte(nil), b[:n]...))
			b = b[n:]
		}
	}
	h.Close(end, tcp.Finished)
}
