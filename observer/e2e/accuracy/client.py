# SPDX-License-Identifier: Apache-2.0
"""The unmodified openai library as it comes: pooled connections, retries.

usage: client.py BASE_URL COUNT TOKENS

Prints one JSON object per request: its trace id; start, first (token) and end
in ns of CLOCK_MONOTONIC as the library's user sees them; output tokens of
usage."""

import json
import secrets
import sys
import time

import openai

base, count, tokens = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
now = time.monotonic_ns
client = openai.OpenAI(base_url=base + "/v1", api_key="none")
for i in range(count):
    trace = secrets.token_hex(16)
    start, first, used = now(), 0, 0
    for event in client.chat.completions.create(
            model="any", temperature=0, max_tokens=tokens, stream=True, stream_options={"include_usage": True},
            messages=[{"role": "user", "content": f"Write line {i} of a poem about rain."}],
            extra_headers={"traceparent": f"00-{trace}-{i + 1:016x}-01"}):
        if event.choices and event.choices[0].delta.content:
            first = first or now()
        if event.usage:
            used = event.usage.completion_tokens
    print(json.dumps({"trace": trace, "start": start, "first": first, "end": now(), "tokens": used}), flush=True)
