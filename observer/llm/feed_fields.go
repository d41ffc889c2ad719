// SPDX-License-Identifier: Apache-2.0

package llm

import "github.com/modeltap/modeltap/observer/jsonscan"

// What is looked for in the messages of a Feed.
const (
	feedMsg jsonscan.Field = iota + 1
	feedEventID
	feedSuccess
	feedWhole   // text that is a component's value
	feedMessage // a chat message (object)
	feedRole    // its role
	feedContent // its text
	feedItem    // an item of an edit, or of a pair of messages
	feedList    // the end of an edit or a pair (count)
	feedKey     // a key in the path of an edit
)

// gradioMessage is a message of a session's stream, gradioOutput one of an
// event's: the list of outputs alone.
var (
	gradioMessage = schema(outputPaths("output.data"), []jsonscan.Path{
		{Path: "msg", Field: feedMsg, Kind: jsonscan.String},
		{Path: "event_id", Field: feedEventID, Kind: jsonscan.String},
		{Path: "success", Field: feedSuccess, Kind: jsonscan.Any},
	})
	gradioOutput = schema(outputPaths(""))
)

// outputPaths are the places of text in a list of outputs: each is a value, or
// a list of edits [op, path, value] to the value before (gradio/utils.py,
// diff). A chat is a list of messages, or, until version 5, of pairs of the
// user's text and the answer.
func outputPaths(at string) []jsonscan.Path {
	paths := []jsonscan.Path{
		{Path: at + "[]", Field: feedWhole, Kind: jsonscan.Text},
		{Path: at + "[].value", Field: feedWhole, Kind: jsonscan.Text},
		{Path: at + "[].text", Field: feedWhole, Kind: jsonscan.Text},
		{Path: at + "[][]", Field: feedList, Kind: jsonscan.Count},
		{Path: at + "[][][]", Field: feedItem, Kind: jsonscan.Text},
		{Path: at + "[][][][]", Field: feedKey, Kind: jsonscan.Text},
	}
	for _, m := range []string{"[][]", "[][][]"} {
		paths = append(paths,
			jsonscan.Path{Path: at + m, Field: feedMessage, Kind: jsonscan.Object},
			jsonscan.Path{Path: at + m + ".role", Field: feedRole, Kind: jsonscan.String},
			jsonscan.Path{Path: at + m + ".content", Field: feedContent, Kind: jsonscan.Text},
			jsonscan.Path{Path: at + m + ".content[].text", Field: feedContent, Kind: jsonscan.Text},
		)
	}
	return paths
}

// output follows the outputs of a message through its document.
type output struct {
	edits bool // it has edits, and so what is new
	user  bool // in a message of the user
	items int  // of the present edit or pair
	edit  bool // it is an edit
	text  bool // the edit's path leads to text
	word  [len("content") + 1]byte
	n     int // bytes in word
}

// feedFields implements jsonscan.Handler.
type feedFields Feed

func (f *feedFields) Text(id jsonscan.Field, p []byte) {
	if f.ex == nil || len(p) == 0 {
		return
	}
	switch id {
	case feedWhole, feedContent:
		if !f.user {
			f.put(p)
		}
	case feedItem:
		if f.items == 0 {
			f.n += copy(f.word[f.n:], p)
		} else if !f.edit || f.text {
			f.put(p)
		}
	case feedKey:
		f.n += copy(f.word[f.n:], p)
	}
}

func (f *feedFields) TextEnd(id jsonscan.Field) {
	switch id {
	case feedItem:
		if f.items == 0 {
			f.begins()
		}
		f.items++
	case feedKey:
		if f.edit {
			// The last key of the path that is a name tells.
			k := string(f.word[:f.n])
			f.text = k == "content" || k == "text" || k == "value"
		}
	default:
		return
	}
	f.n = 0
}

// begins takes the first string of a list, which tells edits from pairs.
func (f *feedFields) begins() {
	switch string(f.word[:f.n]) {
	case "append", "add", "replace", "delete":
		f.edit, f.edits, f.text = true, true, true
	default:
		(*Feed)(f).turn()
	}
}

func (f *feedFields) Value(id jsonscan.Field, v *jsonscan.Value) {
	switch id {
	case feedMsg:
		switch string(v.Str) {
		case "process_generating":
			f.kind = generating
		case "process_completed":
			f.kind = completed
		case "unexpected_error", "queue_full":
			f.kind, f.failed = broken, true
		}
	case feedEventID:
		if len(v.Str) > 0 && !v.Truncated && f.only == nil {
			(*Feed)(f).address(f.Find(v.Str))
		}
	case feedSuccess:
		f.failed = f.failed || v.Type == jsonscan.TypeFalse
	case feedRole:
		if f.user = string(v.Str) == "user"; f.user && !f.edit {
			(*Feed)(f).turn()
		}
	case feedList:
		f.items, f.edit, f.n = 0, false, 0
	}
}

func (f *feedFields) Enter(jsonscan.Field) { f.user = false }

func (f *feedFields) Leave(jsonscan.Field) { f.user = false }

func (f *feedFields) put(p []byte) {
	e := f.ex
	if f.edits {
		e.account.Text(p)
		return
	}
	e.repeats.write(&e.account.Meter, &e.doc.before, p)
}

// turn begins the output anew: what was there of a chat until the user spoke is
// history.
func (f *Feed) turn() {
	e := f.ex
	if e == nil || f.edits {
		return
	}
	e.account.Meter = e.doc.before
	if e.repeats.pos > 0 {
		e.repeats.begin()
	}
}
