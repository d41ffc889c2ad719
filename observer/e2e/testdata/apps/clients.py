# SPDX-License-Identifier: Apache-2.0
"""Unmodified client libraries asking the chat route of chat.py or flaskchat.py.

usage: clients.py openai|httpx|aiohttp BASE_URL COUNT TOKENS PREFILL GAP

Prints one JSON object per request: start, first (token) and end in ns of
CLOCK_MONOTONIC, content events and output tokens as the client saw them."""

import asyncio
import json
import sys
import time

now = time.monotonic_ns
kind, base = sys.argv[1], sys.argv[2]
count, tokens = int(sys.argv[3]), int(sys.argv[4])
pace = {"prefill": sys.argv[5], "gap": sys.argv[6]}
body = {"model": "small", "max_tokens": tokens, "stream": True, "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": "one two three four"}]}


def report(start, first, events, used):
    print(json.dumps({"start": start, "first": first, "end": now(), "events": events, "tokens": used}), flush=True)


def run_openai():
    import openai
    client = openai.OpenAI(base_url=base + "/v1", api_key="none", max_retries=0)
    for _ in range(count):
        start, first, events, used = now(), 0, 0, 0
        for c in client.chat.completions.create(**body, extra_query=pace):
            if c.choices and c.choices[0].delta.content:
                first, events = first or now(), events + 1
            if c.usage:
                used = c.usage.completion_tokens
        report(start, first, events, used)


class Lines:
    """Counts what the SSE lines of one answer carry."""

    def __init__(self):
        self.start, self.first, self.events, self.used = now(), 0, 0, 0

    def line(self, line):
        if not line.startswith("data: {"):
            return
        data = json.loads(line[6:])
        if data["choices"] and data["choices"][0]["delta"].get("content"):
            self.first, self.events = self.first or now(), self.events + 1
        if data.get("usage"):
            self.used = data["usage"]["completion_tokens"]

    def done(self):
        report(self.start, self.first, self.events, self.used)


def run_httpx():
    import httpx
    with httpx.Client() as client:
        for _ in range(count):
            seen = Lines()
            with client.stream("POST", base + "/v1/chat/completions", params=pace, json=body) as r:
                for line in r.iter_lines():
                    seen.line(line)
            seen.done()


async def run_aiohttp():
    import aiohttp
    async with aiohttp.ClientSession() as session:
        for _ in range(count):
            seen = Lines()
            async with session.post(base + "/v1/chat/completions", params=pace, json=body) as r:
                async for line in r.content:
                    seen.line(line.decode())
            seen.done()


if kind == "openai":
    run_openai()
elif kind == "httpx":
    run_httpx()
elif kind == "aiohttp":
    asyncio.run(run_aiohttp())
else:
    sys.exit(f"clients.py: unknown client {kind}")
