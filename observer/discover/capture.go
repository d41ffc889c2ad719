// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"slices"
	"time"
)

// Capture is what should be captured.
type Capture struct {
	Dirs  []string // cgroup directories; one may lie in another; none without a hierarchy
	Ports []uint16 // local ports, ascending
}

// apply has captured what the Table wants.
func (d *Discoverer) apply(now time.Time) error {
	if d.cfg.Apply == nil {
		return nil
	}
	w := d.table.Want()
	if d.k.Groups.Path == nil {
		return d.cfg.Apply(Capture{Ports: w.Ports})
	}
	d.applying = true
	defer func() { d.applying = false }()
	if slices.ContainsFunc(w.Groups, func(id uint64) bool { return d.k.Groups.Life(id) == Vanished }) {
		// Its sockets are, too, unless their process moved elsewhere.
		d.bury(now)
		w = d.table.Want()
	}
	c := Capture{Ports: w.Ports}
	for _, id := range w.Groups {
		path := d.k.Groups.Path(id)
		if path == "" { // out of sight
			w.Everywhere = true
			continue
		}
		c.Dirs = append(c.Dirs, d.k.Groups.Dir(path))
	}
	for _, id := range w.Past {
		if path := d.k.Groups.Path(id); path != "" {
			c.Dirs = append(c.Dirs, d.k.Groups.Dir(path))
		}
	}
	if w.Everywhere {
		c.Dirs = []string{d.k.Groups.Dir(d.cfg.Subtree)}
	}
	slices.Sort(c.Dirs)
	c.Dirs = slices.Compact(c.Dirs)
	return d.cfg.Apply(c)
}
