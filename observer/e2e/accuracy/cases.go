// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// usecase is one kind of request.
type usecase struct {
	name    string
	api     string
	outcome string
	n       int
	atOnce  int // so many clients share them
	stream  bool
	call    func(i int) rig.Call
}

type object = map[string]any

const (
	answerTokens = 24
	abortAfter   = 5
)

var topics = []string{"the sea", "bread", "winter", "a lighthouse", "bees", "the moon", "trains", "gardens", "music", "maps"}

// cases are asked one after another, each with n requests.
func cases(n int) []usecase {
	usage := object{"stream_options": object{"include_usage": true}}
	return []usecase{
		{"chat, stream, usage asked for", "openai_chat", "ok", n, 1, true, chat(true, usage)},
		{"chat, stream, no usage", "openai_chat", "ok", n, 1, true, chat(true, nil)},
		{"chat, JSON", "openai_chat", "ok", n, 1, false, chat(false, nil)},
		{"completions, stream", "openai_completions", "ok", n, 1, true, completion(true)},
		{"completions, JSON", "openai_completions", "ok", n, 1, false, completion(false)},
		{"responses, stream", "openai_responses", "ok", n, 1, true, response},
		{"chat, stream, long prompt", "openai_chat", "ok", max(n/4, 2), 1, true, long},
		{"chat, stream, 4 clients on 2 slots", "openai_chat", "ok", n, 4, true, chat(true, usage)},
		{"chat, stream, client leaves after 5 tokens", "openai_chat", "client_abort", max(n/2, 2), 1, true, func(i int) rig.Call {
			c := post("/v1/chat/completions", messages(i, object{"stream": true, "max_tokens": 200}))
			c.AbortAfter = abortAfter
			return c
		}},
	}
}

func post(target string, body object) rig.Call {
	b, err := json.Marshal(body)
	if err != nil {
		panic(err) // of plain values
	}
	return rig.Call{Target: target, Body: b}
}

func with(body, more object) object {
	for k, v := range more {
		body[k] = v
	}
	return body
}

func question(i int) string {
	return fmt.Sprintf("Tell me story %d about %s.", i, topics[i%len(topics)])
}

func messages(i int, more object) object {
	return with(object{"model": "any", "temperature": 0,
		"messages": []object{{"role": "user", "content": question(i)}}}, more)
}

func chat(stream bool, more object) func(int) rig.Call {
	return func(i int) rig.Call {
		return post("/v1/chat/completions", with(messages(i, object{"stream": stream, "max_tokens": answerTokens}), more))
	}
}

func completion(stream bool) func(int) rig.Call {
	return func(i int) rig.Call {
		return post("/v1/completions", object{"model": "any", "temperature": 0,
			"prompt": fmt.Sprintf("Chapter %d. Once upon a time there was a man who loved %s, and", i, topics[i%len(topics)]),
			"stream": stream, "max_tokens": answerTokens})
	}
}

// response names the model as the server does: its stream says the name in the
// last event only, long after the first token needed it.
func response(i int) rig.Call {
	return post("/v1/responses", object{"model": modelName, "temperature": 0, "input": question(i),
		"stream": true, "max_output_tokens": answerTokens})
}

// long asks with some 1200 tokens that the server has not cached: the prompt
// begins with what no other has.
func long(i int) rig.Call {
	text := fmt.Sprintf("Document %d. ", i) + strings.Repeat(topics[i%len(topics)]+" and the old harbour town in the rain. ", 110)
	return post("/v1/chat/completions", object{"model": "any", "temperature": 0, "stream": true, "max_tokens": answerTokens,
		"messages": []object{{"role": "user", "content": text + "Say what this is about."}}})
}
