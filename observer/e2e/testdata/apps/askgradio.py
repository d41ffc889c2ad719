# SPDX-License-Identifier: Apache-2.0
"""Gradio's own client, and plain HTTP, asking gradiochat.py.

usage: askgradio.py chat|together|call|block BASE_URL COUNT WORDS PREFILL GAP

Prints one JSON object per request as clients.py does; events are updates."""

import json
import sys
import threading
import time

now = time.monotonic_ns
kind, base, count, message = sys.argv[1], sys.argv[2], int(sys.argv[3]), " ".join(sys.argv[4:7])
lock = threading.Lock()


def report(start, first, events, text):
    with lock:
        print(json.dumps({"start": start, "first": first, "end": now(), "events": events, "tokens": len(text.split())}), flush=True)


def submit(client):
    start, first, events, text = now(), 0, 0, ""
    for text in client.submit(message, api_name="/chat"):
        first, events = first or now(), events + 1
    report(start, first, events, text)


def run_chat():
    from gradio_client import Client
    client = Client(base, verbose=False)
    for _ in range(count):
        submit(client)


def run_together():
    from gradio_client import Client
    client = Client(base, verbose=False)
    threads = [threading.Thread(target=submit, args=(client,)) for _ in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def run_block():
    from gradio_client import Client
    client = Client(base, verbose=False)
    for _ in range(count):
        start = now()
        text = client.predict("friend", api_name="/block")
        report(start, now(), 1, text)


def run_call():
    import httpx
    with httpx.Client(base_url=base) as client:
        for _ in range(count):
            start, first, events, text = now(), 0, 0, ""
            event = client.post("/gradio_api/call/chat", json={"data": [message]}).json()["event_id"]
            with client.stream("GET", "/gradio_api/call/chat/" + event) as r:
                name = ""
                for line in r.iter_lines():
                    if line.startswith("event: "):
                        name = line[7:]
                    elif line.startswith("data: ") and name == "generating":
                        first, events, text = first or now(), events + 1, json.loads(line[6:])[0]
            report(start, first, events, text)


{"chat": run_chat, "together": run_together, "call": run_call, "block": run_block}[kind]()
