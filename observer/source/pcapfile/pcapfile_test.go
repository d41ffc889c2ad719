// SPDX-License-Identifier: Apache-2.0

package pcapfile

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/source/turn"
)

// got is a segment with a payload of its own.
type got struct {
	event.Segment
	text string
}

// collect runs a Source to its end.
func collect(t testing.TB, cfg Config) ([]got, *Source, error) {
	t.Helper()
	var all []got
	src := New(cfg)
	err := src.Run(t.Context(), func(batch []event.Segment, now int64) {
		for _, s := range batch {
			if s.Time > now {
				t.Errorf("segment of %d in a batch of %d", s.Time, now)
			}
			g := got{s, string(s.Payload)}
			g.Payload = nil
			all = append(all, g)
		}
	}, nil)
	return all, src, err
}

func fromBytes(t testing.TB, b []byte) ([]got, *Source, error) {
	t.Helper()
	return collect(t, Config{Path: "-", Stdin: bytes.NewReader(b)})
}

var (
	client = &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 40000}
	server = &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 8000}
	start  = time.Unix(1_700_000_000, 123_456_789)
)

// packet makes an Ethernet frame.
func packet(t testing.TB, src, dst *net.TCPAddr, h layers.TCP, payload string) []byte {
	t.Helper()
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: src.IP.To4(), DstIP: dst.IP.To4()}
	h.SrcPort, h.DstPort = layers.TCPPort(src.Port), layers.TCPPort(dst.Port)
	buf := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true},
		&layers.Ethernet{SrcMAC: make(net.HardwareAddr, 6), DstMAC: make(net.HardwareAddr, 6), EthernetType: layers.EthernetTypeIPv4},
		ip, &h, gopacket.Payload(payload))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(buf.Bytes())
}

// conversation is a request and its answer, from the handshake on.
func conversation(t testing.TB) [][]byte {
	return [][]byte{
		packet(t, client, server, layers.TCP{SYN: true, Seq: 99}, ""),
		packet(t, server, client, layers.TCP{SYN: true, ACK: true, Seq: 499, Ack: 100}, ""),
		packet(t, client, server, layers.TCP{ACK: true, Seq: 100, Ack: 500}, "GET / HTTP/1.1\r\n\r\n"),
		packet(t, server, client, layers.TCP{ACK: true, Seq: 500, Ack: 118}, "HTTP/1.1 200 OK\r\n\r\n"),
	}
}

func info(i, size int) gopacket.CaptureInfo {
	return gopacket.CaptureInfo{Timestamp: start.Add(time.Duration(i) * time.Millisecond), CaptureLength: size, Length: size}
}

type writer interface {
	WritePacket(gopacket.CaptureInfo, []byte) error
}

func write(t testing.TB, w writer, frames [][]byte) {
	t.Helper()
	for i, f := range frames {
		if err := w.WritePacket(info(i, len(f)), f); err != nil {
			t.Fatal(err)
		}
	}
}

func pcapOf(t testing.TB, nanos bool, frames [][]byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := pcapgo.NewWriter(&buf)
	if nanos {
		w = pcapgo.NewWriterNanos(&buf)
	}
	if err := w.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	write(t, w, frames)
	return buf.Bytes()
}

func pcapngOf(t testing.TB, frames [][]byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := pcapgo.NewNgWriter(&buf, layers.LinkTypeEthernet)
	if err != nil {
		t.Fatal(err)
	}
	write(t, w, frames)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestFormats(t *testing.T) {
	frames := conversation(t)
	for name, c := range map[string]struct {
		file []byte
		unit time.Duration
	}{
		"pcap µs":      {pcapOf(t, false, frames), time.Microsecond},
		"pcap ns":      {pcapOf(t, true, frames), 1},
		"pcapng":       {pcapngOf(t, frames), 1},
		"pcap gzip":    {gzipped(t, pcapOf(t, true, frames)), 1},
		"pcapng gzip":  {gzipped(t, pcapngOf(t, frames)), 1},
		"pcap swapped": {swapped(pcapOf(t, true, frames)), 1},
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, c.file, 0o600); err != nil {
			t.Fatal(err)
		}
		all, src, err := collect(t, Config{Path: path})
		if err != nil || len(all) != 4 {
			t.Fatalf("%s: %d segments, %v", name, len(all), err)
		}
		flow := event.Flow{Server: event.EndpointOf(server.AddrPort()), Client: event.EndpointOf(client.AddrPort())}
		for i, want := range []got{
			{event.Segment{Seq: 99, Flags: event.SYN}, ""},
			{event.Segment{Seq: 499, Ack: 100, Flags: event.SYN | event.ACK, Dir: event.Response}, ""},
			{event.Segment{Seq: 100, Ack: 500, Len: 18, Flags: event.ACK}, "GET / HTTP/1.1\r\n\r\n"},
			{event.Segment{Seq: 500, Ack: 118, Len: 19, Flags: event.ACK, Dir: event.Response}, "HTTP/1.1 200 OK\r\n\r\n"},
		} {
			want.Flow = flow
			want.Time = start.Add(time.Duration(i) * time.Millisecond).Truncate(c.unit).UnixNano()
			if !reflect.DeepEqual(all[i], want) {
				t.Errorf("%s: segment %d is %+v, want %+v", name, i, all[i], want)
			}
		}
		if st := src.Stats(); st.Packets != [2]uint64{2, 2} || st.Bytes != [2]uint64{18, 19} || st.Source != "file" || st.Attached != path {
			t.Errorf("%s: %+v", name, st)
		}
	}
}

// swapped turns the byte order of a little-endian pcap file.
func swapped(b []byte) []byte {
	b = bytes.Clone(b)
	flip := func(at, n int) {
		for i, j := at, at+n-1; i < j; i, j = i+1, j-1 {
			b[i], b[j] = b[j], b[i]
		}
	}
	for _, f := range [][2]int{{0, 4}, {4, 2}, {6, 2}, {16, 4}, {20, 4}} {
		flip(f[0], f[1])
	}
	for at := 24; at < len(b); {
		size := int(b[at+8]) | int(b[at+9])<<8
		for i := range 4 {
			flip(at+4*i, 4)
		}
		at += 16 + size
	}
	return b
}

func TestCutOffPacketKeepsItsLength(t *testing.T) {
	frame := conversation(t)[2]
	var buf bytes.Buffer
	w := pcapgo.NewWriter(&buf)
	if err := w.WriteFileHeader(60, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	ci := info(0, len(frame))
	ci.CaptureLength = 60
	if err := w.WritePacket(ci, frame[:60]); err != nil {
		t.Fatal(err)
	}
	all, _, err := fromBytes(t, buf.Bytes())
	if err != nil || len(all) != 1 || all[0].Len != 18 || all[0].text != "GET / " {
		t.Fatalf("%+v, %v", all, err)
	}
}

func TestTruncatedTail(t *testing.T) {
	frames := conversation(t)
	for name, file := range map[string][]byte{
		"pcap": pcapOf(t, true, frames), "pcapng": pcapngOf(t, frames), "gzip": gzipped(t, pcapOf(t, true, frames)),
	} {
		all, _, err := fromBytes(t, file[:len(file)-9])
		var cut *TruncatedError
		if !errors.As(err, &cut) {
			t.Errorf("%s: %v", name, err)
		}
		if name != "gzip" && (len(all) != 3 || cut.Offset == 0) {
			t.Errorf("%s: %d segments before byte %d", name, len(all), cut.Offset)
		}
	}
}

func TestBrokenFiles(t *testing.T) {
	good := pcapOf(t, true, conversation(t))
	huge := bytes.Clone(good)
	huge[24+11] = 0x7f
	link := bytes.Clone(good)
	link[20] = 147
	ng := pcapngOf(t, conversation(t))
	ng[len(ng)-1] = 1
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":       {nil, "empty"},
		"text":        {[]byte("{\"not\": \"a capture\"}       "), "neither pcap nor pcapng"},
		"short":       {good[:10], "inside its header"},
		"huge packet": {huge, "byte 24: a packet of"},
		"link type":   {link, "link type 147"},
		"block end":   {ng, "that ends as one of"},
		"bad gzip":    {[]byte{0x1f, 0x8b, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0}, "gzip"},
	} {
		_, _, err := fromBytes(t, c.file)
		var broken *BrokenError
		if !errors.As(err, &broken) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "standard input") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := collect(t, Config{Path: filepath.Join(t.TempDir(), "none")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

// TestPipeIsEmittedAsItComes reads a pipe whose writer waits for the result of
// what it wrote.
func TestPipeIsEmittedAsItComes(t *testing.T) {
	r, w := io.Pipe()
	file := pcapOf(t, true, conversation(t))
	src := New(Config{Path: "-", Stdin: r})
	emitted := make(chan int, 10)
	done := make(chan error)
	go func() {
		done <- src.Run(t.Context(), func(batch []event.Segment, _ int64) { emitted <- len(batch) }, nil)
	}()
	if _, err := w.Write(file); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < 4; {
		n += <-emitted
	}
	w.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := src.Sync(t.Context(), func() { t.Error("ran after the end") }); !errors.Is(err, turn.ErrEnded) {
		t.Fatalf("Sync after Run: %v", err)
	}
}

func TestContextEndsTheReadOfAPipe(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	src := New(Config{Path: "-", Stdin: r})
	file := pcapOf(t, true, conversation(t))
	go w.Write(file)
	err := src.Run(ctx, func([]event.Segment, int64) { cancel() }, nil)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// TestSyncNeverRunsBesideEmit shares a variable without a lock: the race
// detector would tell. The last turn is the last.
func TestSyncNeverRunsBesideEmit(t *testing.T) {
	var frames [][]byte
	for range 3000 {
		frames = append(frames, conversation(t)...)
	}
	src := New(Config{Path: "-", Stdin: bytes.NewReader(pcapOf(t, true, frames))})
	seen, synced, last := 0, 0, 0
	var wg sync.WaitGroup
	var returned atomic.Int32
	for range 4 {
		wg.Go(func() {
			for {
				err := src.Sync(t.Context(), func() { synced++; seen++ })
				if errors.Is(err, turn.ErrEnded) {
					return
				}
				if returned.Add(1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if err := src.Run(t.Context(), func(batch []event.Segment, _ int64) { seen += len(batch) }, func() { last = seen }); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if synced == 0 || synced != int(returned.Load()) || seen != len(frames)+synced || last != seen {
		t.Fatalf("%d segments of %d, %d calls of %d, the last turn saw %d of %d", seen-synced, len(frames), synced, returned.Load(), last, seen)
	}
}
