# SPDX-License-Identifier: Apache-2.0
"""A hand-written model service, as a stranger would write it: FastAPI, an
OpenAI-compatible chat route and some routes of its own. Nothing in it knows
that it is observed. Query parameters set its pace so that tests can."""

import asyncio
import json
import os
import time

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from sse_starlette.sse import EventSourceResponse

app = FastAPI()

WORDS = ("the quick brown fox jumps over a lazy dog while seven bright stars "
         "shine above some quiet hills and rivers").split()


def word(i: int) -> str:
    return WORDS[i % len(WORDS)] if i == 0 else " " + WORDS[i % len(WORDS)]


def prompt_tokens(body: dict) -> int:
    messages = body.get("messages") or [{"content": str(body.get("prompt", ""))}]
    return sum(len(str(m.get("content", "")).split()) for m in messages)


def sse(data: str) -> str:
    return f"data: {data}\n\n"


def chunk(model: str, delta: dict | None, finish: str | None = None, **extra) -> str:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
    return json.dumps({"id": "chatcmpl-7", "object": "chat.completion.chunk", "created": 1700000000,
                       "model": model, "choices": choices, **extra})


async def tokens(n: int, prefill: float, gap: float):
    await asyncio.sleep(prefill)
    for i in range(n):
        if i and gap:
            await asyncio.sleep(gap)
        yield word(i)


async def chat_stream(body: dict, model: str, n: int, prefill: float, gap: float, fail_after: int):
    yield sse(chunk(model, {"role": "assistant", "content": ""}))
    i = 0
    async for text in tokens(n, prefill, gap):
        if i == fail_after:
            yield sse(json.dumps({"error": {"message": "CUDA out of memory", "type": "server_error", "code": 500}}))
            return
        i += 1
        yield sse(chunk(model, {"content": text}))
    yield sse(chunk(model, {}, "length" if n == body.get("max_tokens") else "stop"))
    if (body.get("stream_options") or {}).get("include_usage"):
        p = prompt_tokens(body)
        yield sse(chunk(model, None, usage={"prompt_tokens": p, "completion_tokens": n, "total_tokens": p + n}))
    yield sse("[DONE]")


@app.post("/v1/chat/completions")
async def chat(request: Request, prefill: float = 0.0, gap: float = 0.0, fail_after: int = -1):
    body = await request.json()
    model, n = body.get("model", "small"), int(body.get("max_tokens", 16))
    if model == "missing":
        return JSONResponse({"error": {"message": "The model `missing` does not exist", "type": "invalid_request_error",
                                       "code": "model_not_found"}}, status_code=404)
    if body.get("stream"):
        return StreamingResponse(chat_stream(body, model, n, prefill, gap, fail_after), media_type="text/event-stream")
    text = "".join([t async for t in tokens(n, prefill, gap)])
    p = prompt_tokens(body)
    return {"id": "chatcmpl-8", "object": "chat.completion", "created": 1700000000, "model": model,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": p, "completion_tokens": n, "total_tokens": p + n}}


@app.post("/v1/completions")
async def completions(request: Request, prefill: float = 0.0, gap: float = 0.0):
    body = await request.json()
    n, model = int(body.get("max_tokens", 16)), body.get("model", "small")

    async def events():
        i = 0
        async for text in tokens(n, prefill, gap):
            i += 1
            yield sse(json.dumps({"id": "cmpl-1", "object": "text_completion", "model": model, "choices": [
                {"index": 0, "text": text, "logprobs": None, "finish_reason": "length" if i == n else None}]}))
        yield sse("[DONE]")

    return StreamingResponse(events(), media_type="text/event-stream")


def response_event(kind: str, number: int, **fields) -> str:
    return f"event: {kind}\n" + sse(json.dumps({"type": kind, "sequence_number": number, **fields}))


@app.post("/v1/responses")
async def responses(request: Request, prefill: float = 0.0, gap: float = 0.0):
    """Named events and no [DONE], as the Responses API documents it."""
    body = await request.json()
    n, p = int(body.get("max_output_tokens", 16)), len(str(body.get("input", "")).split())
    answer = {"id": "resp_1", "object": "response", "status": "in_progress", "model": body.get("model", "small")}

    async def events():
        yield response_event("response.created", 0, response=answer)
        i = 0
        async for text in tokens(n, prefill, gap):
            i += 1
            yield response_event("response.output_text.delta", i, item_id="msg_1", output_index=0, content_index=0, delta=text)
        yield response_event("response.completed", i + 1, response={**answer, "status": "completed", "usage": {
            "input_tokens": p, "output_tokens": n, "total_tokens": p + n}})

    return StreamingResponse(events(), media_type="text/event-stream")


@app.post("/v1/embeddings")
async def embeddings(request: Request):
    body = await request.json()
    inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
    p = sum(len(s.split()) for s in inputs)
    return {"object": "list", "model": body.get("model", "embed"),
            "data": [{"object": "embedding", "index": i, "embedding": [0.125] * 64} for i in range(len(inputs))],
            "usage": {"prompt_tokens": p, "total_tokens": p}}


@app.post("/generate")
async def generate(request: Request, n: int = 16, prefill: float = 0.0, gap: float = 0.0):
    await request.json()
    return StreamingResponse(tokens(n, prefill, gap), media_type="text/plain")


@app.post("/ndjson")
async def ndjson(request: Request, n: int = 16, prefill: float = 0.0, gap: float = 0.0):
    await request.json()

    async def lines():
        async for text in tokens(n, prefill, gap):
            yield json.dumps({"text": text}) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@app.post("/events")
async def events(request: Request, n: int = 16, prefill: float = 0.0, gap: float = 0.0):
    """The same through sse-starlette: CRLF line ends, named events."""
    await request.json()

    async def source():
        async for text in tokens(n, prefill, gap):
            yield {"event": "token", "data": json.dumps({"text": text})}

    return EventSourceResponse(source())


@app.post("/predict")
async def predict(request: Request):
    body = await request.json()
    return {"label": "positive", "score": 0.98, "length": len(str(body.get("text", "")))}


@app.post("/block")
async def block(seconds: float = 0.2):
    time.sleep(seconds)  # the mistake that many services make: a blocked event loop
    return {"result": "done"}


@app.post("/upload")
async def upload(request: Request):
    size = 0
    async for piece in request.stream():
        size += len(piece)
    return {"result": "ok", "bytes": size}


@app.post("/refuse")
async def refuse():
    raise HTTPException(429, "slow down")


@app.get("/health")
async def health():
    return PlainTextResponse("ok")


@app.get("/pid")
async def pid():
    return {"pid": os.getpid()}
