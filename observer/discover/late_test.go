// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"errors"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/servers"
)

// TestLateCloses: listeners whose end met a full ring end with the next look,
// also those that the kernel named before it failed.
func TestLateCloses(t *testing.T) {
	kept := [][]uint64{{7}, {8, 99}, nil}
	errs := []error{nil, errors.New("the map is gone"), nil}
	d := New(Config{
		Table: servers.NewTable(servers.Options{}),
		Kernel: Kernel{Untold: func() ([]uint64, error) {
			cookies, err := kept[0], errs[0]
			kept, errs = kept[1:], errs[1:]
			return cookies, err
		}},
	})
	for _, key := range []uint64{7, 8, 9} {
		s := &socket{}
		s.Key = key
		d.keep(s)
	}
	for i, left := range []int{2, 1, 1} {
		d.late(time.Now())
		if len(d.sockets) != left {
			t.Errorf("look %d: %d sockets are left, want %d", i, len(d.sockets), left)
		}
	}
	if d.sockets[9] == nil {
		t.Error("the one that lives is gone")
	}
}
