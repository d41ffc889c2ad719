// SPDX-License-Identifier: Apache-2.0

package tcp

import "github.com/modeltap/modeltap/observer/event"

// believes says whether the RST s ends c. Whoever knows the addresses can send
// one, so that the receiver takes it at the exact place only (RFC 5961 section
// 3.2, Linux tcp_validate_incoming), and so does this; the place is exact as
// far as capture is. The first row that applies decides:
//
//	the sender's direction         the RST is at                      believed
//	seen where it is sent          anywhere plausible                 yes: nobody else's
//	nothing of it seen             what the other side acknowledged   yes
//	                               the other side's place, as its Ack yes (SYN refused)
//	                               elsewhere                          no
//	seen                           the next byte, what the other side
//	                               acknowledged, after the data that
//	                               is held, after its FIN             yes
//	                               ahead, within reach                remembered: see
//	                                                                  Conn.since
//	                               elsewhere                          no
//
// The last but one is what a client sends whose last data the capture has lost,
// or a stranger. It counts when the connection is seen to have ended.
func (c *Conn) believes(s *event.Segment) bool {
	d, o := &c.dirs[s.Dir], &c.dirs[1-s.Dir]
	if s.Flags&event.Ordered != 0 {
		return c.plausible(s)
	}
	if d.acked != 0 && s.Seq == d.acked {
		return true
	}
	if !d.open {
		return s.Flags&event.ACK != 0 && o.open && s.Ack == o.next
	}
	ahead := int32(s.Seq - d.next)
	if ahead == 0 || d.tail != nil && s.Seq == d.tail.seq+d.tail.n || d.finSeen && s.Seq == d.fin+1 {
		return true
	}
	if 0 < ahead && ahead <= reach && s.Dir == event.Request && !c.leaving {
		c.since = s.Time
	}
	return false
}
