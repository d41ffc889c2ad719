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
	// rough is not 0 if nothing on the wire states the tokens of these answers:
	// the sum may be off the server's counter by this share of it.
	rough float64
}

type object = map[string]any

const (
	answerTokens = 24
	abortAfter   = 5
)

var topics = []string{"the sea", "bread", "winter", "a lighthouse", "bees", "the moon", "trains", "gardens", "music", "maps"}

// llamaCases are asked one after another, each with n requests.
func llamaCases(n int) []usecase {
	usage := object{"stream_options": object{"include_usage": true}}
	return []usecase{
		{name: "chat, stream, usage asked for", api: "openai_chat", outcome: "ok", n: n, atOnce: 1, stream: true, call: chat(true, usage)},
		{name: "chat, stream, no usage", api: "openai_chat", outcome: "ok", n: n, atOnce: 1, stream: true, call: chat(true, nil)},
		{name: "chat, JSON", api: "openai_chat", outcome: "ok", n: n, atOnce: 1, stream: false, call: chat(false, nil)},
		{name: "completions, stream", api: "openai_completions", outcome: "ok", n: n, atOnce: 1, stream: true, call: completion(true)},
		{name: "completions, JSON", api: "openai_completions", outcome: "ok", n: n, atOnce: 1, stream: false, call: completion(false)},
		{name: "responses, stream", api: "openai_responses", outcome: "ok", n: n, atOnce: 1, stream: true, call: response},
		{name: "messages, stream", api: "anthropic_messages", outcome: "ok", n: n, atOnce: 1, stream: true, call: message(true)},
		{name: "messages, JSON", api: "anthropic_messages", outcome: "ok", n: n, atOnce: 1, stream: false, call: message(false)},
		{name: "/completion, stream", api: "llamacpp", outcome: "ok", n: n, atOnce: 1, stream: true, call: native(true)},
		{name: "/completion, JSON", api: "llamacpp", outcome: "ok", n: n, atOnce: 1, stream: false, call: native(false)},
		{name: "chat, stream, long prompt", api: "openai_chat", outcome: "ok", n: max(n/4, 2), atOnce: 1, stream: true, call: long},
		{name: "chat, stream, 4 clients on 2 slots", api: "openai_chat", outcome: "ok", n: n, atOnce: 4, stream: true, call: chat(true, usage)},
		{name: "chat, stream, client leaves after 5 tokens", api: "openai_chat", outcome: "client_abort", n: max(n/2, 2), atOnce: 1, stream: true, call: func(i int) rig.Call {
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

func message(stream bool) func(int) rig.Call {
	return func(i int) rig.Call {
		return post("/v1/messages", messages(i, object{"model": modelName, "stream": stream, "max_tokens": answerTokens}))
	}
}

// native asks llama.cpp's own API, whose streams name no model until they end.
func native(stream bool) func(int) rig.Call {
	return func(i int) rig.Call {
		return post("/completion", object{"model": modelName, "temperature": 0, "stream": stream, "n_predict": answerTokens,
			"prompt": fmt.Sprintf("Chapter %d. Once upon a time there was a man who loved %s, and", i, topics[i%len(topics)])})
	}
}

// long asks with some 1200 tokens that the server has not cached: the prompt
// begins with what no other has.
func long(i int) rig.Call {
	text := fmt.Sprintf("Document %d. ", i) + strings.Repeat(topics[i%len(topics)]+" and the old harbour town in the rain. ", 110)
	return post("/v1/chat/completions", object{"model": "any", "temperature": 0, "stream": true, "max_tokens": answerTokens,
		"messages": []object{{"role": "user", "content": text + "Say what this is about."}}})
}
