# SPDX-License-Identifier: Apache-2.0
"""The routes of chat.py as a threaded WSGI service: Flask, for gunicorn."""

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


def paced(n):
    return tokens(n, float(request.args.get("prefill", 0)), float(request.args.get("gap", 0)))


def stream(items, mimetype="text/event-stream"):
    return Response(stream_with_context(items), mimetype=mimetype)


@app.post("/v1/completions")
def completions():
    body = request.get_json()
    n = int(body.get("max_tokens", 16))

    def events():
        for i, text in enumerate(paced(n), 1):
            yield "data: " + json.dumps({"id": "cmpl-1", "object": "text_completion", "model": body["model"], "choices": [
                {"index": 0, "text": text, "finish_reason": "length" if i == n else None}]}) + "\n\n"
        yield "data: [DONE]\n\n"

    return stream(events())


def response_event(kind, number, **fields):
    return f"event: {kind}\ndata: " + json.dumps({"type": kind, "sequence_number": number, **fields}) + "\n\n"


@app.post("/v1/responses")
def responses():
    body = request.get_json()
    n, p = int(body.get("max_output_tokens", 16)), len(body["input"].split())
    answer = {"id": "resp_1", "object": "response", "status": "in_progress", "model": body["model"]}

    def events():
        yield response_event("response.created", 0, response=answer)
        for i, text in enumerate(paced(n), 1):
            yield response_event("response.output_text.delta", i, item_id="msg_1", output_index=0, content_index=0, delta=text)
        yield response_event("response.completed", n + 1, response={**answer, "status": "completed", "usage": {
            "input_tokens": p, "output_tokens": n, "total_tokens": p + n}})

    return stream(events())


@app.post("/v1/embeddings")
def embeddings():
    body = request.get_json()
    p = sum(len(s.split()) for s in body["input"])
    return jsonify(object="list", model=body["model"], usage={"prompt_tokens": p, "total_tokens": p}, data=[
        {"object": "embedding", "index": i, "embedding": [0.125] * 64} for i in range(len(body["input"]))])


@app.post("/generate")
def generate():
    return stream(paced(int(request.args.get("n", 16))), "text/plain")


@app.post("/ndjson")
def ndjson():
    items = paced(int(request.args.get("n", 16)))
    return stream((json.dumps({"text": text}) + "\n" for text in items), "application/x-ndjson")


@app.post("/events")
def events():
    items = paced(int(request.args.get("n", 16)))
    return stream("event: token\r\ndata: " + json.dumps({"text": text}) + "\r\n\r\n" for text in items)


@app.post("/predict")
def predict():
    return jsonify(label="positive", score=0.98, length=len(str(request.get_json().get("text", ""))))


@app.get("/health")
def health():
    return "ok"


@app.get("/pid")
def pid():
    return jsonify(pid=os.getpid())
