// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"slices"
	"strings"

	"github.com/modeltap/modeltap/observer/jsonscan"
)

// Keep says what of the value at a place a recording without text may keep. No
// Keep lets more through than a short plain word or a number.
type Keep uint8

const (
	// KeepNothing hides the key as well, so that nobody takes the digits that
	// stand for a number for what the server stated.
	KeepNothing Keep = iota
	// KeepKey keeps the key, and of the value its kind and shape: true, false,
	// null, the length and scripts of a text, how many elements an array has.
	KeepKey
	// KeepWord keeps a plain word: the name of a model, a kind, a reason.
	KeepWord
	// KeepNumber keeps a number that is no text and does not come from one.
	KeepNumber
	// KeepID keeps the id that a queue gives to an event, in hexadecimal.
	KeepID
	// KeepPrefix keeps that beginning of an id which says of what it is one.
	// Of the rest servers make what their clients asked for (vLLM takes it
	// from X-Request-Id).
	KeepPrefix
	// KeepRole keeps who speaks in a chat.
	KeepRole
	// KeepEdit keeps the name of an edit, the first item of its list.
	KeepEdit
	// KeepEditKey keeps those keys in the path of an edit that lead to text.
	KeepEditKey
)

// Words returns the words that may pass where only some may, nil elsewhere.
func (k Keep) Words() []string {
	switch k {
	case KeepPrefix:
		return []string{"call_", "chatcmpl-", "cmpl-", "embd-", "fc_", "gen-", "modr-", "msg_", "resp_", "rs_", "toolu_"}
	case KeepRole:
		return []string{"assistant", "developer", "function", "model", "system", "tool", "user"}
	case KeepEdit: // gradio/utils.py, diff
		return []string{"add", "append", "delete", "replace"}
	case KeepEditKey:
		return []string{"content", "text", "value"}
	}
	return nil
}

// Place is a place of an API's documents and what may be kept of it.
type Place struct {
	Path  string // as in jsonscan.Path
	Keep  Keep
	Field jsonscan.Field // of Kind; 0 for a place that is no measure of anything
	Kind  jsonscan.Kind
}

// keeps says what may be kept of each meaning. Of counts, marks and lists the
// shape is all there is; every other value is text.
var keeps = map[jsonscan.Field]Keep{
	fieldModel: KeepWord, fieldMessage: KeepKey, fieldPrompt: KeepKey, fieldPromptID: KeepKey, fieldInputs: KeepKey,
	fieldTexts: KeepKey, fieldDocuments: KeepKey, fieldSampling: KeepKey, fieldSamples: KeepNumber, fieldEcho: KeepKey,

	fieldChoice: KeepKey, fieldIndex: KeepNumber, fieldText: KeepKey, fieldReasoning: KeepKey, fieldReasoning2: KeepKey,
	fieldReasoning3: KeepKey, fieldTool: KeepKey, fieldToken: KeepKey, fieldTokenID: KeepKey, fieldFinish: KeepWord,

	fieldInput: KeepNumber, fieldOutput: KeepNumber, fieldThought: KeepNumber, fieldCached: KeepNumber, fieldTotal: KeepNumber,
	fieldTimings: KeepKey, fieldUncached: KeepNumber, fieldCreated: KeepNumber, fieldDone: KeepKey, fieldError: KeepKey,
	fieldErrorCode: KeepNumber, fieldEnd: KeepKey, fieldMetaInfo: KeepKey, fieldEventType: KeepWord,

	fieldData: KeepKey, fieldSession: KeepKey, fieldEventID: KeepID, fieldUnfinished: KeepKey, fieldTensor: KeepKey,
	fieldTensorName: KeepWord,
}

// feedKeeps is the same of the messages of a Feed.
var feedKeeps = map[jsonscan.Field]Keep{
	feedMsg: KeepWord, feedEventID: KeepID, feedSuccess: KeepKey, feedWhole: KeepKey, feedMessage: KeepKey, feedRole: KeepRole,
	feedContent: KeepKey, feedItem: KeepEdit, feedList: KeepKey, feedKey: KeepEditKey,
}

// Asked returns the places of the API's requests.
func (d *Dialect) Asked() []Place {
	return append(d.places(d.Request), noted[d.API].asked...)
}

// Answered returns the places of its answers, whole or in events.
func (d *Dialect) Answered() []Place {
	return append(d.places(d.Answer, d.Event), noted[d.API].answered...)
}

// FeedPlaces returns the places of the messages of a Feed.
func FeedPlaces() []Place { return placesOf(feedKeeps, gradioMessage, gradioOutput) }

// places returns what may be kept of an API's documents. Of an API that nobody
// published it is no value: only what else would be read as another API's.
func (d *Dialect) places(schemas ...*jsonscan.Schema) []Place {
	all := placesOf(keeps, schemas...)
	if !d.Generic {
		return all
	}
	told := ""
	for i := range all {
		p := &all[i]
		switch {
		case p.Field == fieldMetaInfo && d.Told != nil:
			told = p.Path + "."
		case told != "" && strings.HasPrefix(p.Path, told): // that API says so
		case p.Field == fieldModel && d.Choose != nil:
			p.Keep = KeepKey // whether there is one tells the APIs apart
		case p.Keep != KeepKey:
			p.Keep = KeepNothing
		}
	}
	return all
}

func placesOf(keeps map[jsonscan.Field]Keep, schemas ...*jsonscan.Schema) []Place {
	var all []Place
	for _, s := range schemas {
		for _, p := range s.Paths() {
			all = append(all, Place{p.Path, keeps[p.Field], p.Field, p.Kind})
		}
	}
	return all
}

// Chosen returns the API that a request calls which has the fields of a set of
// bits, one for each Field; see Choose.
func (d *Dialect) Chosen(fields uint64) *Dialect {
	if d.Choose != nil {
		if c := d.Choose(asked(fields)); c != nil {
			return c
		}
	}
	return d
}

// Known tells whether somebody published the API.
func (d *Dialect) Known() bool { return !d.Generic }

// Foreign tells whether an answer below 400 in events, or in lines, is none of
// this API's: a hand-written service has answered on its route.
func (d *Dialect) Foreign(events, lines bool) bool {
	return d.Form == bodySSE && lines || d.Form == bodyNDJSON && events
}

// Dialects returns all APIs, those too that share the routes of others.
func Dialects() []*Dialect {
	return append(slices.Clone(dialects[:]), generic, tgi, sglang, gradioCall, gradioRun)
}

// Routes returns the routes of all known APIs, as Dialect.Routes has them.
func Routes() []string {
	var all []string
	for _, d := range dialects {
		all = append(all, d.Routes...)
	}
	return all
}
