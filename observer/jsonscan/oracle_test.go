// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"bytes"
	"encoding/json"
	"math"
	"math/big"
	"strings"
)

// The oracle reads a document with encoding/json and follows the paths by
// comparing their segments, with none of the scanner's code.

type step struct {
	path Path
	rest []string // keys, and "[]"
}

type oracle struct {
	log
	anywhere []step
	dec      *json.Decoder
	depth    int
	deepest  int
}

func segments(path string) []string {
	path = strings.ReplaceAll(path, "[]", ".[]")
	return strings.FieldsFunc(path, func(r rune) bool { return r == '.' })
}

// expect returns what a scanner should tell of a valid document, and how deep
// the document nests.
func expect(paths []Path, doc []byte) (string, int) {
	o := &oracle{dec: json.NewDecoder(bytes.NewReader(doc))}
	o.dec.UseNumber()
	var root []step
	for _, p := range paths {
		s := step{p, segments(p.Path)}
		if len(s.rest) > 0 && s.rest[0] == "**" {
			s.rest = s.rest[1:]
			o.anywhere = append(o.anywhere, s)
		} else {
			root = append(root, s)
		}
	}
	o.value(root)
	return o.String(), o.deepest
}

func (o *oracle) token() json.Token {
	t, err := o.dec.Token()
	if err != nil {
		panic(err)
	}
	return t
}

func follow(steps []step, name string) []step {
	var next []step
	for _, s := range steps {
		switch {
		case len(s.rest) > 0 && s.rest[0] == name:
			next = append(next, step{s.path, s.rest[1:]})
		case len(s.rest) == 0 && s.path.Kind == TextDeep:
			return []step{{Path{Field: s.path.Field, Kind: TextDeep}, nil}}
		}
	}
	return next
}

func wanted(steps []step, kinds ...Kind) (Field, Kind) {
	for _, s := range steps {
		for _, k := range kinds {
			if len(s.rest) == 0 && s.path.Kind == k {
				return s.path.Field, k
			}
		}
	}
	return 0, 0
}

func (o *oracle) value(steps []step) {
	switch t := o.token().(type) {
	case json.Delim:
		o.depth++
		o.deepest = max(o.deepest, o.depth)
		if t == '{' {
			o.object(steps)
		} else {
			o.array(steps)
		}
		o.depth--
	case string:
		switch f, k := wanted(steps, Text, TextDeep, String, Any); {
		case k == Text, k == TextDeep:
			o.whole(f, t)
		case k != 0:
			o.string(f, t[:min(len(t), MaxString)], len(t) > MaxString)
		}
	case json.Number:
		f, k := wanted(steps, TextDeep, Number, Any)
		switch {
		case k == 0:
		case k == TextDeep:
			o.whole(f, string(t[:min(len(t), MaxString)]))
		case len(t) > MaxString:
			o.add("%d long number 0 0", f)
		default:
			o.bigNumber(f, string(t))
		}
	case bool:
		if f, k := wanted(steps, Any); k != 0 {
			o.add("%d type %d 0", f, map[bool]Type{false: TypeFalse, true: TypeTrue}[t])
		}
	case nil:
		if f, k := wanted(steps, Any); k != 0 {
			o.add("%d type %d 0", f, TypeNull)
		}
	}
}

func (o *oracle) whole(f Field, text string) {
	o.Text(f, []byte(text+"x"))
	o.text = o.text[:len(text)]
	o.TextEnd(f)
}

// bigNumber reads t with math/big and limits the result.
func (o *oracle) bigNumber(f Field, t string) {
	x, err := json.Number(t).Float64()
	if err != nil {
		x = math.Copysign(math.MaxFloat64, x)
	}
	whole, ok := new(big.Int).SetString(t, 10)
	if !ok {
		whole, _ = big.NewFloat(x).Int(nil)
	}
	n := whole.Int64()
	switch {
	case whole.IsInt64():
	case whole.Sign() > 0:
		n = math.MaxInt64
	default:
		n = math.MinInt64
	}
	o.number(f, n, x)
}

func (o *oracle) object(steps []step) {
	f, k := wanted(steps, Object)
	if k != 0 {
		o.Enter(f)
	}
	for o.dec.More() {
		name := o.token().(string)
		next := follow(steps, name)
		if next == nil {
			next = follow(o.anywhere, name)
		}
		o.value(next)
	}
	o.token()
	if k != 0 {
		o.Leave(f)
	}
}

func (o *oracle) array(steps []step) {
	n := 0
	for ; o.dec.More(); n++ {
		o.value(follow(steps, "[]"))
	}
	o.token()
	if f, k := wanted(steps, Count); k != 0 {
		o.add("%d type %d %d", f, TypeArray, n)
	}
}
