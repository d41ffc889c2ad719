// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// Stamp is the time of bytes at the client, in ns of CLOCK_MONOTONIC: when
// the kernel had them (SO_TIMESTAMPNS of the last one) and when the client's
// read returned, which a busy machine delays.
type Stamp struct {
	Kernel, User int64
}

// Conn is a client connection that knows when its bytes left and arrived. It
// uses blocking system calls, so that no event loop stands between the socket
// and the clock.
type Conn struct {
	fd     int
	offset int64
	last   Stamp
	reader *bufio.Reader
	oob    [128]byte
}

// Dial connects to a loopback port.
func Dial(port int) (*Conn, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	c := &Conn{fd: fd, offset: realOffset()}
	c.reader = bufio.NewReaderSize(c, 1<<16)
	wait := unix.Timeval{Sec: 60}
	for _, err := range []error{
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait),
		unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}),
	} {
		if err != nil {
			c.Close()
			return nil, fmt.Errorf("connect to port %d: %w", port, err)
		}
	}
	return c, nil
}

// Close closes the socket; unread bytes make it a reset.
func (c *Conn) Close() { unix.Close(c.fd) }

// CloseWrite sends the FIN of the request direction.
func (c *Conn) CloseWrite() error { return unix.Shutdown(c.fd, unix.SHUT_WR) }

// Read implements io.Reader and stamps what it returns.
func (c *Conn) Read(b []byte) (int, error) {
	for {
		n, oobn, _, _, err := unix.Recvmsg(c.fd, b, c.oob[:], 0)
		now := Now()
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return 0, fmt.Errorf("recvmsg: %w", err)
		case n == 0:
			return 0, io.EOF
		}
		c.last = Stamp{Kernel: now, User: now}
		if t := c.kernelTime(c.oob[:oobn]); t != 0 {
			c.last.Kernel = t
		}
		return n, nil
	}
}

func (c *Conn) kernelTime(oob []byte) int64 {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
			return int64(binary.NativeEndian.Uint64(m.Data))*1e9 + int64(binary.NativeEndian.Uint64(m.Data[8:])) + c.offset
		}
	}
	return 0
}

// Write implements io.Writer.
func (c *Conn) Write(b []byte) (int, error) {
	for sent := 0; ; {
		n, err := unix.Write(c.fd, b[sent:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return sent, fmt.Errorf("write: %w", err)
		}
		if sent += n; sent == len(b) {
			return sent, nil
		}
	}
}
