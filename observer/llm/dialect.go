// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"bytes"
	"strings"

	"github.com/modeltap/modeltap/observer/jsonscan"
)

// Dialect is one API family. All its fields are set once and never change.
type Dialect struct {
	// API is the value of the "api" label.
	API string
	// Routes are path suffixes: "/v1/completions" also matches
	// "/openai/v1/completions", for servers are mounted below prefixes. A "*"
	// stands for one segment, and "/" for the root alone.
	Routes []string
	// Request, Answer and Event are the schemas of the request body, of an
	// answer in one JSON document, and of one event of a stream.
	Request, Answer, Event *jsonscan.Schema
	// Content tells by its type which events of a stream carry content; nil
	// means all. It exists for APIs whose events repeat text.
	Content func(eventType []byte) bool
	// Reasoned tells by its type which event carries reasoning; nil means that
	// the name of its text does.
	Reasoned func(eventType []byte) bool
	// Called tells by its type which event carries a part of a tool call; nil
	// means that the name of its text does.
	Called func(eventType []byte) bool
	// Nothing tells by its type which event is a keep-alive; nil means none.
	Nothing func(eventType []byte) bool
	// Final tells by its type which event ends the answer; nil means that a
	// finish reason or the [DONE] event does.
	Final func(eventType []byte) bool
	// Failed tells by its type which event is an error; nil means that an
	// error member does.
	Failed func(eventType []byte) bool
	// Loaded tells by its finish reason which answer was none: the model was
	// loaded or unloaded; nil means that there is no such thing.
	Loaded func(finish []byte) bool
	// Marked says that every complete stream of this API has a final event,
	// so that one without was cut off.
	Marked bool
	// Form is the body of the API's streams, where its routes are names that
	// hand-written services use too: such a service is known by streams of
	// another form. Zero means that the routes are the API's own.
	Form bodyKind
	// Stream is the form of the API's streams whatever their content type
	// says; zero means that the content type tells.
	Stream bodyKind
	// IDs says that token ids are content, text or not.
	IDs bool
	// Forms says that requests are forms, not JSON.
	Forms bool
	// NoOutput says that answers are no text, so that a total is of the input.
	NoOutput bool
	// PerChoice says that the server counts the tokens of each choice.
	PerChoice bool
	// Queued says that an answer is a ticket: see Feed.
	Queued bool
	// Choose returns the API that a request with such fields calls, where
	// several share the routes; nil for this.
	Choose func(asked) *Dialect
	// Told is the API if an answer has SGLang's counts.
	Told *Dialect
	// Repeats says that the text of an event may be all there is so far and
	// not only what is new: servers of this API differ, or its options do.
	Repeats bool
	// Generic marks the catch-all for hand-written services.
	Generic bool
}

// Dialects are all known APIs in the order in which routes are tried.
// A new one is a file with its table and a row here.
var dialects = [...]*Dialect{
	openAIChat,
	openAICompletions,
	openAIResponses,
	openAIEmbeddings,
	openAIOther,
	openAIAudio,
	anthropicMessages,
	ollamaGenerate,
	ollamaChat,
	ollamaEmbed,
	llamaCpp,
	triton,
	tritonInfer,
	kserve,
	tei,
	worker,
	lmdeployInteractive,
	vllmGenerate,
	gradioJoin,
	sharedCall,
	sharedRun,
	sharedGenerate,
	sharedInvocations,
	sharedScoring,
}

// DialectOf returns the dialect whose API a request with this method and
// target (origin-form or absolute-form, RFC 9112 section 3.2) calls; nil when
// the route belongs to no known API.
func DialectOf(method, target []byte) *Dialect {
	if string(method) != "POST" {
		return nil
	}
	path := bytes.TrimRight(Path(target), "/")
	for _, d := range dialects {
		for _, r := range d.Routes {
			if matches(path, r) {
				return d
			}
		}
	}
	return nil
}

// Generic returns the dialect of hand-written services.
func Generic() *Dialect { return generic }

func matches(path []byte, route string) bool {
	if route == "/" {
		return len(path) == 0
	}
	i := strings.LastIndexByte(route, '*')
	if i < 0 {
		return hasSuffix(path, route)
	}
	before, after := route[:i], route[i+1:]
	if !hasSuffix(path, after) {
		return false
	}
	path = path[:len(path)-len(after)]
	at := bytes.LastIndexByte(path, '/') + 1
	return at < len(path) && matches(path[:at], before)
}

func hasSuffix(path []byte, suffix string) bool {
	n := len(path) - len(suffix)
	return n >= 0 && string(path[n:]) == suffix
}

// Path returns the path of a request target (RFC 9112 section 3.2) in origin
// or absolute form: without scheme, authority and query.
func Path(target []byte) []byte {
	for i, c := range target {
		if c == '?' || c == '#' {
			target = target[:i]
			break
		}
	}
	if len(target) > 0 && target[0] != '/' {
		if i := bytes.Index(target, []byte("://")); i >= 0 {
			target = target[i+3:]
			if i = bytes.IndexByte(target, '/'); i < 0 {
				return nil
			}
			target = target[i:]
		}
	}
	return target
}
