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


ASK = {
    "/generate_stream": {"inputs": prompt, "parameters": {"details": True}},
    "/generate": {"text": prompt, "sampling_params": {"max_new_tokens": 20}, "stream": True},
    "/v2/models/llama/generate_stream": {"text_input": prompt, "parameters": {"max_tokens": 10}},
    "/worker_generate_stream": {"model": "vicuna", "prompt": prompt, "max_new_tokens": 10, "echo": False},
}


def text(e):
    """What is new in a document, and the output tokens stated so far."""
    used = (e.get("eval_count") or e.get("tokens_predicted") or (e.get("details") or {}).get("generated_tokens")
            or (e.get("meta_info") or e.get("usage") or {}).get("completion_tokens") or 0)
    for c in e.get("choices") or []:
        return c["delta"].get("content") or "", used
    return (e.get("response") or e.get("content") or (e.get("message") or {}).get("content") or (e.get("token") or {}).get("text")
            or e.get("text") or e.get("text_output") or ""), used


def run_httpx():
    import httpx
    body = ASK.get(route) or {"model": "asked", "prompt": prompt, "messages": [{"role": "user", "content": prompt}], "stream": True}
    end = b"\0" if route.startswith("/worker") else b"\n"
    with httpx.Client() as client:
        for _ in range(count):
            start, first, events, used, last, rest = now(), 0, 0, 0, None, b""
            with client.stream("POST", base + route, json=body) as r:
                for piece in r.iter_raw():
                    *docs, rest = (rest + piece).split(end)
                    for doc in docs:
                        doc = doc.removeprefix(b"data:").strip()
                        if not doc.startswith(b"{"):
                            continue
                        new, told = text(json.loads(doc))
                        if new and new != last:
                            first, events, last = first or now(), events + 1, new
                        used = told or used
            report(start, first, events, used)


{"anthropic": run_anthropic, "httpx": run_httpx}[kind]()
