# SPDX-License-Identifier: Apache-2.0
"""The service of the overhead comparison: small JSON answers and streams of
100 chunks as fast as the event loop can write them. With INAPP=1 it carries
the usual alternative to an observer from outside: a middleware in the
application, pure ASGI and prometheus_client, that measures duration, time to
first token and inter-token latency."""

import json
import os
import time

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

app = FastAPI()

CHUNK = "data: " + json.dumps(
    {"id": "chatcmpl-9f2c41d08e7b4a6f", "object": "chat.completion.chunk", "created": 1700000000, "model": "bench",
     "system_fingerprint": "fp_44709d6fcb", "choices": [
         {"index": 0, "delta": {"content": " the"}, "logprobs": None, "finish_reason": None}]},
    separators=(",", ":")) + "\n\n"


@app.post("/predict")
async def predict(request: Request):
    await request.json()
    return {"label": "positive", "score": 0.98, "model": "bench"}


@app.post("/v1/chat/completions")
async def chat(request: Request, n: int = 100):
    await request.body()

    async def events():
        for _ in range(n):
            yield CHUNK
        yield "data: [DONE]\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


class Middleware:
    def __init__(self, app):
        from prometheus_client import Counter, Histogram
        self.app = app
        self.requests = Counter("requests_total", "Requests.", ["path", "code"])
        self.duration = Histogram("request_duration_seconds", "Duration.", ["path"])
        self.first = Histogram("time_to_first_token_seconds", "First token.", ["path"])
        self.gap = Histogram("inter_token_latency_seconds", "Between tokens.", ["path"])

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        path, start, last, code = scope["path"], time.perf_counter(), 0.0, 0
        first, gap = self.first.labels(path), self.gap.labels(path)

        async def observed(message):
            nonlocal last, code
            if message["type"] == "http.response.start":
                code = message["status"]
            elif message.get("body"):
                now = time.perf_counter()
                if last:
                    gap.observe(now - last)
                else:
                    first.observe(now - start)
                last = now
            await send(message)

        await self.app(scope, receive, observed)
        self.requests.labels(path, str(code)).inc()
        self.duration.labels(path).observe(time.perf_counter() - start)


if os.environ.get("INAPP") == "1":
    app = Middleware(app)
