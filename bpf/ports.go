// SPDX-License-Identifier: Apache-2.0

package bpf

import (
	"fmt"

	"github.com/modeltap/modeltap/bpf/hostprobe"
)

// SetPorts replaces the set of watched local ports while the tap runs. Ports
// in both sets are watched throughout. It is not safe for concurrent use.
func (t *Tap) SetPorts(ports []uint16) error {
	var words [1 << 10]uint64
	for _, p := range ports {
		words[p>>6] |= 1 << (p & 63)
	}
	for i, want := range words {
		if t.ports[i] == want {
			continue
		}
		if err := t.objects.Ports.Put(uint32(i), want); err != nil {
			return fmt.Errorf("change the port filter: %w", hostprobe.Explain(err))
		}
		t.ports[i] = want
	}
	return nil
}
