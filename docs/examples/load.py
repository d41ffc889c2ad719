# SPDX-License-Identifier: Apache-2.0
"""Asks service.py for a minute, or for as many seconds as the second argument
says, from four clients, with nothing but Python's library.

    python load.py http://127.0.0.1:8000 60
"""

import json
import sys
import threading
import time
import urllib.request

url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
until = time.monotonic() + float(sys.argv[2] if len(sys.argv) > 2 else 60)


def ask(route: str) -> None:
    while time.monotonic() < until:
        body = json.dumps({"text": "how are you today?"}).encode()
        request = urllib.request.Request(url + route, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            for _ in answer:
                pass
        time.sleep(0.2)


clients = [threading.Thread(target=ask, args=(route,)) for route in ("/chat", "/chat", "/chat", "/predict")]
for client in clients:
    client.start()
for client in clients:
    client.join()
