// SPDX-License-Identifier: Apache-2.0

package tcp

const (
	blockSize = 2048
	blockData = blockSize - 40
	// maxSpare bounds the free list of blocks to 2 MiB.
	maxSpare = 1024
)

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

// unhold takes b out of the accounts; its memory stays usable until freeBlock.
func (a *Assembler) unhold(d *direction) *block {
	b := d.head
	if d.head = b.next; d.head == nil {
		d.tail = nil
	}
	b.next = nil
	d.bytes -= blockSize
	a.buffered -= blockSize
	return b
}

func (a *Assembler) freeBlock(b *block) {
	if a.spares < maxSpare {
		b.next, a.spare = a.spare, b
		a.spares++
	}
}
