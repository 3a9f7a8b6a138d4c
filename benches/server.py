#!/usr/bin/env python3
"""How a server starts, answers and rests: python3 benches/server.py FOVEA FILE [FILE ...]

Plays an editor over stdin and stdout: opens the files, waits for their heat, hovers and edits, and prints milliseconds from the
start of the process (initialize answered, model ready, first heat, all heat), medians and 99th percentiles of warm hovers,
highlights and lenses, the time from an edit to the new heat (all of the sixty lines on
screen), memory, and the processor time of ten idle seconds. Linux.

Results that outlive the server go into a folder that is removed, or into FOVEA_CACHE_DIR where that is set: run twice with the same
folder to see a second start.
"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

fovea, files = sys.argv[1], [pathlib.Path(f) for f in sys.argv[2:]]
scratch = tempfile.TemporaryDirectory()
environment = {"FOVEA_CACHE_DIR": scratch.name, **os.environ}
start = time.perf_counter()
server = subprocess.Popen([fovea, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
messages, arrived = [], threading.Condition()


def read():
    while True:
        length = 0
        while (line := server.stdout.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        if not length:
            return
        message = json.loads(server.stdout.read(length))
        with arrived:
            messages.append((time.perf_counter(), message))
            arrived.notify_all()
        if "id" in message and "method" in message:
            send({"id": message["id"], "result": [None] if message["method"] == "workspace/configuration" else None})


lock = threading.Lock()


def send(message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    with lock:
        server.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        server.stdin.flush()


def wait(matches, since=0, limit=120):
    """The first message from index `since` on that matches: its time, itself."""
    with arrived:
        deadline = time.perf_counter() + limit
        at = since
        while True:
            while at < len(messages):
                if matches(messages[at][1]):
                    return messages[at]
                at += 1
            if not arrived.wait(deadline - time.perf_counter()):
                sys.exit("waited in vain")


ids = iter(range(1, 10**9))


def request(method, params):
    number, since, begin = next(ids), len(messages), time.perf_counter()
    send({"id": number, "method": method, "params": params})
    when, answer = wait(lambda m: m.get("id") == number and "method" not in m, since)
    return (when - begin) * 1e3, answer


def ms(when):
    return (when - start) * 1e3


def status():
    text = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


def ticks():
    fields = pathlib.Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def complete(uri, version):
    def matches(m):
        p = m.get("params") or {}
        return m.get("method") == "fovea/heat" and p["uri"] == uri and p["version"] == version and p["complete"]
    return matches


threading.Thread(target=read, daemon=True).start()
took, _ = request("initialize", {"processId": os.getpid(), "capabilities": {"experimental": {"fovea": True}}})
print(f"initialize answered        {ms(time.perf_counter()):8.0f} ms from the start of the process")
send({"method": "initialized", "params": {}})
languages = {".rs": "rust", ".py": "python", ".ts": "typescript", ".md": "markdown", ".c": "c", ".lua": "lua", ".js": "javascript"}
texts = {}
for file in files:
    uri = file.resolve().as_uri()
    texts[uri] = file.read_text()
    document = {"uri": uri, "languageId": languages.get(file.suffix, "plaintext"), "version": 1, "text": texts[uri]}
    send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
when, _ = wait(lambda m: m.get("method") == "fovea/status" and m["params"]["state"] in ("ready", "busy"))
print(f"model ready                {ms(when):8.0f} ms")
when, _ = wait(lambda m: m.get("method") == "fovea/heat" and m["params"]["words"])
print(f"first explanation          {ms(when):8.0f} ms")
when = max(wait(complete(uri, 1))[0] for uri in texts)
print(f"all {len(texts)} files explained     {ms(when):8.0f} ms, {sum(t.count(chr(10)) for t in texts.values())} lines")

random.seed(1)
uri = next(iter(texts))
lines = texts[uri].split("\n")[:60]
whole = {"start": {"line": 0, "character": 0}, "end": {"line": 60, "character": 0}}
send({"method": "fovea/visible", "params": {"textDocument": {"uri": uri}, "range": whole}})
time.sleep(3)
places = [(i, next(j for j, c in enumerate(l) if c.isalpha())) for i, l in enumerate(lines) if any(c.isalpha() for c in l)]
for name, method in [("hover", "textDocument/hover"), ("highlight", "textDocument/documentHighlight"), ("lens", "textDocument/codeLens")]:
    times = {"first": [], "again": []}
    for line, character in random.sample(places, min(60, len(places))):
        params = {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}
        if method.endswith("Lens"):
            del params["position"]
        for turn in times:
            times[turn].append(request(method, params)[0])
    for turn, values in times.items():
        values.sort()
        print(f"{name + ', ' + turn + ' at a place':27}{values[len(values) // 2]:8.1f} ms median, {values[int(len(values) * 0.99)]:.1f} ms p99")

times = []
for version in range(2, 12):
    line, character = random.choice(places)
    since, begin = len(messages), time.perf_counter()
    change = {"range": {"start": {"line": line, "character": character}, "end": {"line": line, "character": character}}, "text": "x"}
    send({"method": "textDocument/didChange", "params": {"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]}})
    when, _ = wait(complete(uri, version), since)
    times.append((when - begin) * 1e3)
times.sort()
print(f"edit to complete heat      {times[len(times) // 2]:8.0f} ms median, {times[-1]:.0f} ms largest, the debounce included")
print(f"memory                     {status():8.0f} MB")
time.sleep(2)
before = ticks()
time.sleep(10)
print(f"idle for 10 s              {(ticks() - before) * 1000 / os.sysconf('SC_CLK_TCK'):8.0f} ms of processor time")
request("shutdown", None)
send({"method": "exit"})
print(f"exit code                  {server.wait(10):8d}")
