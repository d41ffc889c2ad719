# SPDX-License-Identifier: Apache-2.0
"""Answers of model servers that no package ships, byte for byte as documented,
10 tokens each after a prefill of 50 ms, 20 ms apart.

usage: scripted.py PORT

/v1/messages   Anthropic's streaming Messages API (docs.anthropic.com)
/api/generate, /api/chat   Ollama, docs/api.md; the head comes with the first line in one write
/completion    llama.cpp, tools/server/README.md; the last chunk comes in two writes
/generate_stream   TGI (text-generation-inference, docs/source/reference/api_reference.md); the last event repeats the text
/ray/v1/chat/completions   Ray Serve LLM (ray/llm/_internal/serve), which sends the events of 50 ms in one chunk: here two
/generate      SGLang (docs/basic_usage/native_api.ipynb); the text repeats what came before, two tokens an event
/v2/models/llama/generate_stream   Triton (server, docs/protocol/extension_generate.md), which has no final event
/worker_generate_stream   FastChat (fastchat/serve/model_worker.py): no content type, NUL after each document"""

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


def words(n):
    return "".join(f" w{i}" for i in range(1, n + 1))


def tgi(i):
    if not 1 <= i <= N:
        return ""
    end = f'"generated_text":"{words(N)}","details":{{"finish_reason":"eos_token","generated_tokens":{N},"seed":null,"input_length":4}}' if i == N else '"generated_text":null,"details":null'
    return f'data:{{"index":{i},"token":{{"id":{i},"text":" w{i}","logprob":-0.61,"special":false}},{end}}}\n\n'


def sglang(i):
    if not 1 <= i <= N:
        return "data: [DONE]\n\n" if i else ""
    reason = '{"type":"length","length":20}' if i == N else "null"
    return f'data: {{"text":"{words(i)}","output_ids":{list(range(2 * i))},"meta_info":{{"id":"a1","finish_reason":{reason},"prompt_tokens":4,"weight_version":"default","completion_tokens":{2 * i},"cached_tokens":1}}}}\n\n'


def ray(i):
    def chunk(rest):
        return f'data: {{"id":"r1","object":"chat.completion.chunk","created":1,"model":"ray",{rest}}}\n\n'
    if i == 0:
        return chunk('"choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]')
    if i > N:
        return (chunk('"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]')
                + chunk(f'"choices":[],"usage":{{"prompt_tokens":4,"completion_tokens":{N},"total_tokens":{4 + N}}}') + "data: [DONE]\n\n")
    if i % 2:
        return ""
    return "".join(chunk(f'"choices":[{{"index":0,"delta":{{"content":" w{j}"}},"logprobs":null,"finish_reason":null}}]') for j in (i - 1, i))


def triton(i):
    return f'data: {{"model_name":"llama","model_version":"1","text_output":" w{i}"}}\n\n' if 1 <= i <= N else ""


def worker(i):
    if i == 0:
        return ""
    reason = '"stop"' if i > N else "null"
    n = min(i, N)
    return f'{{"text": "{words(n)}", "usage": {{"prompt_tokens": 4, "completion_tokens": {n}, "total_tokens": {4 + n}}}, "finish_reason": {reason}, "error_code": 0}}\0'


SSE, NDJSON = "text/event-stream", "application/x-ndjson"
# route: the events, their type, whether the head is written before the first one
ROUTES = {
    "/v1/messages": (anthropic, SSE, True),
    "/api/generate": (ollama('"response":"%s"', '"response":""'), NDJSON, False),
    "/api/chat": (ollama('"message":{"role":"assistant","content":"%s"}', '"message":{"role":"assistant","content":""}'), NDJSON, False),
    "/completion": (llamacpp, SSE, True),
    "/generate_stream": (tgi, SSE, True),
    "/ray/v1/chat/completions": (ray, SSE, True),
    "/generate": (sglang, SSE, False),
    "/v2/models/llama/generate_stream": (triton, SSE, False),
    "/worker_generate_stream": (worker, "", True),
}


async def answer(reader, writer):
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = [int(h.split(b":")[1]) for h in head.lower().split(b"\r\n") if h.startswith(b"content-length:")]
            await reader.readexactly(length[0])
            event, media, early = ROUTES[head.split(b" ")[1].decode().split("?")[0]]
            kind = f"Content-Type: {media}\r\n" if media else ""
            held = f"HTTP/1.1 200 OK\r\n{kind}Transfer-Encoding: chunked\r\n\r\n".encode()
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
