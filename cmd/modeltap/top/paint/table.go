// SPDX-License-Identifier: Apache-2.0

package paint

// Column says how a column takes part in a table.
type Column struct {
	Title      string
	Min, Width int  // cells it needs, and would like
	Right      bool // numbers
	KeepEnd    bool // cut from the left
	Grow       bool // takes what is left over
	Drop       int  // the highest goes first where there is too little room; 0 stays
}

// Placed is a column that is shown.
type Placed struct {
	Index, Width int
}

// Layout chooses the columns for width cells, with one between them.
func Layout(columns []Column, width int) []Placed {
	var placed []Placed
	for i, c := range columns {
		placed = append(placed, Placed{i, c.Min})
	}
	for used(placed) > width {
		last := -1
		for i, p := range placed {
			if d := columns[p.Index].Drop; d > 0 && (last < 0 || d > columns[placed[last].Index].Drop) {
				last = i
			}
		}
		if last < 0 {
			break
		}
		placed = append(placed[:last], placed[last+1:]...)
	}
	left := width - used(placed)
	for left > 0 { // a cell each in turn, until all have what they would like
		before := left
		for i := range placed {
			if p := &placed[i]; p.Width < columns[p.Index].Width && left > 0 {
				p.Width++
				left--
			}
		}
		if left == before {
			break
		}
	}
	for i := range placed {
		if p := &placed[i]; columns[p.Index].Grow && left > 0 {
			p.Width += left
			left = 0
		}
	}
	return placed
}

func used(placed []Placed) int {
	n := max(len(placed)-1, 0)
	for _, p := range placed {
		n += p.Width
	}
	return n
}

// Cell writes a value of a column.
func (g Glyphs) Cell(c Column, text string, width int) string {
	if c.KeepEnd {
		text = g.KeepEnd(text, width)
	}
	return g.Pad(text, width, c.Right)
}
