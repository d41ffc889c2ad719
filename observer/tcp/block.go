// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"github.com/modeltap/modeltap/observer/budget"
	"github.com/modeltap/modeltap/observer/event"
)

const (
	blockSize = 2048
	blockData = blockSize - 40
	// maxSpare bounds the free list of blocks to 512 KiB.
	maxSpare = 256
)

// claim is what the data of a direction is held for. The server's own holes are
// not of a client's making, and a stream runs in them.
var claim = [2]budget.Claim{event.Request: budget.Ahead, event.Response: budget.Fresh}

// block holds a run of data that arrived ahead of a hole. It stands for n
// bytes from seq on, of which the first used are in data; the rest was skipped
// on purpose or cut off.
type block struct {
	next    *block
	time    int64
	seq     uint32
	n       uint32
	used    uint32
	rtt     uint32
	limited bool
	skipped bool
	data    [blockData]byte
}

// newBlock returns a block that has been charged.
func (a *Assembler) newBlock() *block {
	a.buffered += blockSize
	b := a.spare
	if b == nil {
		return new(block)
	}
	a.spare, b.next = b.next, nil
	a.spares--
	return b
}

// unhold takes the first block of a direction out of the accounts; its
// memory stays usable until freeBlock.
func (a *Assembler) unhold(c *Conn, dir event.Direction) *block {
	d := &c.dirs[dir]
	b := d.head
	if d.head = b.next; d.head == nil {
		d.tail = nil
	}
	b.next = nil
	d.bytes -= blockSize
	a.buffered -= blockSize
	a.budget.Give(blockSize, claim[dir])
	return b
}

func (a *Assembler) freeBlock(b *block) {
	if a.spares < maxSpare {
		b.next, a.spare = a.spare, b
		a.spares++
	}
}
