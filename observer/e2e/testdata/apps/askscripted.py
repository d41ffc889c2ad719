# SPDX-License-Identifier: Apache-2.0
"""Unmodified client libraries asking scripted.py.

usage: askscripted.py anthropic|httpx BASE_URL ROUTE COUNT

Prints one JSON object per request as clients.py does."""

import json
import sys
import time

now = time.monotonic_ns
kind, base, route, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
prompt = "one two three four"


def report(start, first, events, used):
    print(json.dumps({"start": start, "first": first, "end": now(), "events": events, "tokens": used}), flush=True)


def run_anthropic():
    import anthropic
    client = anthropic.Anthropic(base_url=base, api_key="none", max_retries=0)
    for _ in range(count):
        start, first, events = now(), 0, 0
        with client.messages.stream(model="claude-small", max_tokens=64, messages=[{"role": "user", "content": prompt}]) as s:
            for _ in s.text_stream:
                first, events = first or now(), events + 1
            used = s.get_final_message().usage.output_tokens
        report(start, first, events, used)


def run_httpx():
    import httpx
    body = {"model": "asked", "prompt": prompt, "messages": [{"role": "user", "content": prompt}], "stream": True}
    with httpx.Client() as client:
        for _ in range(count):
            start, first, events, used = now(), 0, 0, 0
            with client.stream("POST", base + route, json=body) as r:
                for line in r.iter_lines():
                    line = line.removeprefix("data: ")
                    if not line.startswith("{"):
                        continue
                    e = json.loads(line)
                    if e.get("response") or e.get("content") or (e.get("message") or {}).get("content"):
                        first, events = first or now(), events + 1
                    if e.get("done") or e.get("stop"):
                        used = e.get("eval_count") or e["tokens_predicted"]
            report(start, first, events, used)


{"anthropic": run_anthropic, "httpx": run_httpx}[kind]()
