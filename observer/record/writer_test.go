// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

func TestHeadersSurvive(t *testing.T) {
	for _, addr := range []string{"10.1.2.3:9000", "[fd00::1]:9000"} {
		c := newTalk()
		c.data(event.Request, "GET / HTTP/1.1\r\n\r\n")
		c.add(event.Response, event.FIN|event.ACK, nil)
		c.add(event.Request, event.RST, nil)
		flow := event.Flow{Server: event.EndpointOf(netip.MustParseAddrPort(addr))}
		flow.Client = flow.Server
		flow.Client.Port = 1
		for i := range c.segs {
			c.segs[i].Flow = flow
		}
		const offset = 1_700_000_000_000_000_000
		all := packets(t, file(t, Options{Offset: offset}, c.segs))
		if len(all) != len(c.segs) {
			t.Fatalf("%d packets, want %d", len(all), len(c.segs))
		}
		for i, p := range all {
			s := &c.segs[i]
			src, dst := flow.Client, flow.Server
			if s.Dir == event.Response {
				src, dst = dst, src
			}
			if p.Src != src || p.Dst != dst || p.Seq != s.Seq || p.Ack != s.Ack || p.Flags != s.Flags || p.Len != s.Len || p.time != s.Time+offset {
				t.Errorf("packet %d: %+v, want %+v", i, p, s)
			}
		}
	}
}

func TestOtherKindsAreNotWritten(t *testing.T) {
	c := newTalk()
	release := c.segs[0]
	release.Kind = event.KindRelease
	if n := len(packets(t, file(t, Options{}, []event.Segment{release}))); n != 0 {
		t.Errorf("%d packets", n)
	}
}

// TestLongSegment is longer than IP can state.
func TestLongSegment(t *testing.T) {
	body := strings.Repeat("{}", 100_000)
	c := newTalk()
	c.add(event.Response, event.ACK|event.PSH|event.FIN, []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 200000\r\n\r\n"+body))
	c.segs[2].Len += 10 // lost by capture
	all := packets(t, file(t, Options{}, c.segs))[2:]
	var got strings.Builder
	next, total := c.segs[2].Seq, uint32(0)
	for i, p := range all {
		got.Write(p.Payload)
		if p.Seq != next {
			t.Errorf("packet %d begins at %d, want %d", i, p.Seq, next)
		}
		next += p.Len
		total += p.Len
		if last := i == len(all)-1; (p.Flags&event.FIN != 0) != last {
			t.Errorf("packet %d of %d has flags %x", i, len(all), p.Flags)
		}
	}
	if total != c.segs[2].Len || got.Len() != len(c.segs[2].Payload) {
		t.Errorf("%d of %d bytes, want %d of %d", got.Len(), total, len(c.segs[2].Payload), c.segs[2].Len)
	}
}

func TestMaxBytes(t *testing.T) {
	c := newTalk()
	for range 200 {
		c.data(event.Request, "GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n")
	}
	var out bytes.Buffer
	w, err := NewWriter(&out, Options{MaxBytes: 4096})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Segments(c.segs); !errors.Is(err, ErrFull) {
		t.Fatalf("got %v", err)
	}
	if err := w.Segments(c.segs[:1]); !errors.Is(err, ErrFull) {
		t.Errorf("then %v", err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if n := len(packets(t, out.Bytes())); out.Len() > 4096 || n < 20 {
		t.Errorf("%d packets in %d bytes", n, out.Len())
	}
}

type brokenDisk struct{ left int }

var errDisk = errors.New("no space left on device")

func (b *brokenDisk) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errDisk
	}
	return len(p), nil
}

func TestDiskErrors(t *testing.T) {
	if _, err := NewWriter(&brokenDisk{}, Options{}); !errors.Is(err, errDisk) {
		t.Errorf("NewWriter: %v", err)
	}
	w, err := NewWriter(&brokenDisk{left: 300}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := newTalk()
	c.data(event.Request, strings.Repeat("x", 300))
	if err := w.Segments(c.segs); !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "space") {
		t.Errorf("Segments: %v", err)
	}
	if err := w.Close(); !errors.Is(err, errDisk) {
		t.Errorf("Close: %v", err)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	w, err := NewWriter(&bytes.Buffer{}, Options{MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	seg := newTalk().segs[0]
	for i := range 2 * connLimit {
		seg.Flow.Client.Port, seg.NetNS = uint16(i), uint64(i>>16)
		w.conn(&seg)
		w.conn(&seg).half[0].parser.Write([]byte("GET /unfinished"))
	}
	if len(w.conns) != connLimit || w.pool.Held() > connLimit*2048 {
		t.Errorf("%d connections hold %d bytes", len(w.conns), w.pool.Held())
	}
	if w.Close(); w.pool.Held() != 0 {
		t.Errorf("%d bytes held", w.pool.Held())
	}
}

func TestClosedConnectionsAreForgotten(t *testing.T) {
	c := newTalk()
	c.add(event.Request, event.FIN|event.ACK, nil)
	c.add(event.Response, event.FIN|event.ACK, nil)
	w, err := NewWriter(&bytes.Buffer{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Segments(c.segs); err != nil || len(w.conns) != 0 {
		t.Errorf("%d connections after the close, %v", len(w.conns), err)
	}
}
