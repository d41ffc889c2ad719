// SPDX-License-Identifier: Apache-2.0

package tcp

// list is an intrusive list of connections, oldest stamp first. A connection
// is in exactly one: Assembler.active or Assembler.closing.
type list struct{ head, tail *Conn }

func (l *list) push(c *Conn) {
	c.prev, c.next = l.tail, nil
	if l.tail != nil {
		l.tail.next = c
	} else {
		l.head = c
	}
	l.tail = c
}

func (l *list) remove(c *Conn) {
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		l.head = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		l.tail = c.prev
	}
	c.prev, c.next = nil, nil
}
