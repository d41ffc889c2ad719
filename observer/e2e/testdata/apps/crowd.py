# SPDX-License-Identifier: Apache-2.0
"""Many small model servers in one process, told by lines on standard input.

Each line is a command, each answer a line: "open [DIR [PORT]]" makes a
server on that or a free port of the loopback, born in the cgroup directory DIR, which lies in a
"crowd-N" of this process's cgroup; "space [N]" makes a
process in a network namespace of its own with N servers, and prints its number
and their ports; "ask PORT" sends one request; "close PORT" ends a server. After
"in SPACE" stand the same commands for a namespace.
"""
import ctypes, json, os, select, socket, subprocess, sys, threading

answer = json.dumps({"object": "chat.completion", "model": "crowd", "choices": [{"index": 0, "finish_reason": "stop",
    "message": {"role": "assistant", "content": "hello"}}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}).encode()
head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
servers, spaces, poller = {}, {}, select.epoll()


def serve():
    while True:
        for fd, _ in poller.poll():
            server = next((s for s in list(servers.values()) if s.fileno() == fd), None)
            if server is None:
                continue
            try:
                c, _ = server.accept()
            except OSError:
                continue
            c.recv(65536)
            c.sendall(head % len(answer) + answer)
            c.close()


def move(directory):
    with open(directory + "/cgroup.procs", "w") as f:
        f.write("0")


def open_server(directory=None, port=0):
    if directory:
        move(directory)
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", int(port)))
    s.listen()
    if directory:  # the socket's cgroup stays the one it was made in
        move(directory[:directory.rindex("/crowd-")])
    port = s.getsockname()[1]
    servers[port] = s
    poller.register(s, select.EPOLLIN)
    return port


def ask(port):
    body = b'{"model":"crowd","messages":[{"role":"user","content":"hi"}]}'
    with socket.create_connection(("127.0.0.1", port)) as c:
        c.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        while c.recv(65536):
            pass
    return "ok"


def close(port):
    s = servers.pop(port)
    poller.unregister(s)
    s.close()
    return "ok"


def space(n=0):
    child = subprocess.Popen([sys.executable, __file__, "apart"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    spaces[len(spaces)] = child
    ports = [tell(child, "open") for _ in range(n)]
    return " ".join([str(len(spaces) - 1)] + ports)


def tell(child, line):
    child.stdin.write(line + "\n")
    child.stdin.flush()
    return child.stdout.readline().strip()


def obey(line):
    f = line.split()
    if f[0] == "in":
        return tell(spaces[int(f[1])], " ".join(f[2:]))
    if f[0] == "open":
        return open_server(*f[1:])
    return {"space": space, "ask": ask, "close": close}[f[0]](*map(int, f[1:]))


if len(sys.argv) > 1:
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000):  # CLONE_NEWNET
        sys.exit(os.strerror(ctypes.get_errno()))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
threading.Thread(target=serve, daemon=True).start()
for line in sys.stdin:
    try:
        print(obey(line), flush=True)
    except Exception as e:
        print("error", repr(e), flush=True)
