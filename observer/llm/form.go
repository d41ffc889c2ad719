// SPDX-License-Identifier: Apache-2.0

package llm

import "bytes"

// form finds the model in a request body that is a form (multipart/form-data,
// RFC 7578), line by line: a part begins behind the delimiter, which is the
// first line, and its value behind an empty one.
type form struct {
	delimiter [74]byte // as long as RFC 2046 section 5.1.1 lets it be
	line      [256]byte
	nd, n     int // bytes in the two
	place     formPlace
}

type formPlace uint8

const (
	formData  formPlace = iota // of a part that is not looked for
	formHead                   // of a part
	formModel                  // the head of the part that is
	formValue                  // its data
)

// write takes the next piece of the body, and sets model when it has come.
func (f *form) write(p []byte, model *name) {
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			f.n += copy(f.line[f.n:], p)
			return
		}
		f.n += copy(f.line[f.n:], p[:end])
		p = p[end+1:]
		f.read(bytes.TrimSuffix(f.line[:f.n], []byte{'\r'}), model)
		f.n = 0
	}
}

func (f *form) read(line []byte, model *name) {
	switch {
	case f.nd == 0:
		f.nd = copy(f.delimiter[:], line)
		f.place = formHead
	case bytes.Equal(line, f.delimiter[:f.nd]):
		f.place = formHead
	case f.place == formHead && len(line) == 0:
		f.place = formData
	case f.place == formHead && (bytes.Contains(line, []byte(` name="model"`)) || bytes.Contains(line, []byte(`;name="model"`))):
		f.place = formModel
	case f.place == formModel && len(line) == 0:
		f.place = formValue
	case f.place == formValue:
		model.set(line)
		f.place = formData
	}
}

// missing says that a part of the body was not seen.
func (f *form) missing() {
	f.n = 0
	f.place = formData
}
