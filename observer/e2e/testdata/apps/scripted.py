# SPDX-License-Identifier: Apache-2.0
"""Answers of model servers that no package ships, byte for byte as documented,
10 tokens each after a prefill of 50 ms, 20 ms apart.

usage: scripted.py PORT

/v1/messages   Anthropic's streaming Messages API (docs.anthropic.com)
/api/generate, /api/chat   Ollama, docs/api.md; the head comes with the first line in one write
/completion    llama.cpp, tools/server/README.md; the last chunk comes in two writes"""

import asyncio
import sys

N, PREFILL, GAP = 10, 0.05, 0.02
DONE = '"done_reason":"stop","total_duration":250000000,"load_duration":1000000,"prompt_eval_count":4,"prompt_eval_duration":50000000,"eval_count":10,"eval_duration":180000000'


def anthropic(i):
    def event(kind, rest):
        return f'event: {kind}\ndata: {{"type":"{kind}"{rest}}}\n\n'
    if i == 0:
        return (event("message_start", ',"message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"claude-small","stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"cache_read_input_tokens":1,"output_tokens":1}}')
                + event("content_block_start", ',"index":0,"content_block":{"type":"text","text":""}')
                + 'event: ping\ndata: {"type": "ping"}\n\n')
    if i <= N:
        return event("content_block_delta", f',"index":0,"delta":{{"type":"text_delta","text":" w{i}"}}')
    return (event("content_block_stop", ',"index":0')
            + event("message_delta", ',"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":10}')
            + event("message_stop", ""))


def ollama(text, empty):
    def line(i):
        if i == 0:
            return ""
        head = '{"model":"llama3.2","created_at":"2023-08-04T08:52:19.385406455-07:00",'
        if i <= N:
            return head + text % f" w{i}" + ',"done":false}\n'
        return head + empty + ',"done":true,' + DONE + "}\n"
    return line


def llamacpp(i):
    if i == 0:
        return ""
    if i <= N:
        return f'data: {{"index":0,"content":" w{i}","tokens":[{i}],"stop":false,"id_slot":0,"tokens_predicted":{i},"tokens_evaluated":4}}\n\n'
    return 'data: {"index":0,"content":"","tokens":[],"id_slot":0,"stop":true,"model":"smol.gguf","tokens_predicted":10,"tokens_evaluated":4,"generation_settings":{"seed":1,"temperature":0.8},"prompt":"one two three four","has_new_line":false,"truncated":false,"stop_type":"limit","stopping_word":"","tokens_cached":13,"timings":{"prompt_n":4,"predicted_n":10}}\n\n'


SSE, NDJSON = "text/event-stream", "application/x-ndjson"
# route: the events, their type, whether the head is written before the first one
ROUTES = {
    "/v1/messages": (anthropic, SSE, True),
    "/api/generate": (ollama('"response":"%s"', '"response":""'), NDJSON, False),
    "/api/chat": (ollama('"message":{"role":"assistant","content":"%s"}', '"message":{"role":"assistant","content":""}'), NDJSON, False),
    "/completion": (llamacpp, SSE, True),
}


async def answer(reader, writer):
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = [int(h.split(b":")[1]) for h in head.lower().split(b"\r\n") if h.startswith(b"content-length:")]
            await reader.readexactly(length[0])
            event, media, early = ROUTES[head.split(b" ")[1].decode().split("?")[0]]
            held = f"HTTP/1.1 200 OK\r\nContent-Type: {media}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
            if early:
                writer.write(held)
                held = b""
            for i in range(N + 2):
                if 1 <= i <= N:
                    await asyncio.sleep(PREFILL if i == 1 else GAP)
                if data := event(i).encode():
                    writer.write(held + b"%x\r\n%b\r\n" % (len(data), data))
                    held = b""
            writer.write(b"0\r\n")
            await asyncio.sleep(0)
            writer.write(b"\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


asyncio.run(main())
