# SPDX-License-Identifier: Apache-2.0
"""The chat route of chat.py as a threaded WSGI service: Flask, for gunicorn."""

import json
import os
import time

from flask import Flask, Response, jsonify, request, stream_with_context

app = Flask(__name__)

WORDS = ("the quick brown fox jumps over a lazy dog while seven bright stars "
         "shine above some quiet hills and rivers").split()


def word(i):
    return WORDS[i % len(WORDS)] if i == 0 else " " + WORDS[i % len(WORDS)]


def sse(delta, model, finish=None, **extra):
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return "data: " + json.dumps({"id": "chatcmpl-7", "object": "chat.completion.chunk", "model": model,
                                  "choices": choices, **extra}) + "\n\n"


def tokens(n, prefill, gap):
    time.sleep(prefill)
    for i in range(n):
        if i and gap:
            time.sleep(gap)
        yield word(i)


@app.post("/v1/chat/completions")
def chat():
    body = request.get_json()
    prefill, gap = float(request.args.get("prefill", 0)), float(request.args.get("gap", 0))
    model, n = body.get("model", "small"), int(body.get("max_tokens", 16))
    p = sum(len(m["content"].split()) for m in body["messages"])
    usage = {"prompt_tokens": p, "completion_tokens": n, "total_tokens": p + n}
    if not body.get("stream"):
        text = "".join(tokens(n, prefill, gap))
        return jsonify(id="chatcmpl-8", object="chat.completion", model=model, usage=usage, choices=[
            {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}])

    def events():
        yield sse({"role": "assistant", "content": ""}, model)
        for text in tokens(n, prefill, gap):
            yield sse({"content": text}, model)
        yield sse({}, model, "stop")
        if (body.get("stream_options") or {}).get("include_usage"):
            yield sse(None, model, usage=usage)
        yield "data: [DONE]\n\n"

    return Response(stream_with_context(events()), mimetype="text/event-stream")


@app.post("/predict")
def predict():
    return jsonify(label="positive", score=0.98, length=len(str(request.get_json().get("text", ""))))


@app.get("/health")
def health():
    return "ok"


@app.get("/pid")
def pid():
    return jsonify(pid=os.getpid())
