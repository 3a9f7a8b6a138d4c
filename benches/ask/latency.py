#!/usr/bin/env python3
"""Measures the latency of answers about a folder: python benches/ask/latency.py FOVEA FOLDER [--items 10000] [--asked 100]

FOLDER contains sources; the script copies as many of its files as give about that number of items. It starts the server on the copy, waits
for the index, and asks the questions of questions.json, which are about Fovea. The folder may or may not answer them: both take the same
work. The time is from the request to its answer. Needs nothing beyond Python.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).parent
SUFFIXES = {".py", ".rs", ".js", ".ts", ".go", ".java", ".c", ".md"}
arguments = argparse.ArgumentParser()
arguments.add_argument("fovea")
arguments.add_argument("folder")
arguments.add_argument("--items", type=int, default=10_000)
arguments.add_argument("--asked", type=int, default=100)
arguments = arguments.parse_args()


class Server:
    """A server with a folder."""

    def __init__(self, folder, cache):
        variables = {**os.environ, "FOVEA_CACHE_DIR": str(cache)}
        self.process = subprocess.Popen([arguments.fovea, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=variables)
        self.next = 0
        capabilities = {"experimental": {"fovea": {"status": True}}}
        options = {"index": {"onBattery": True}}
        self.request("initialize", {"capabilities": capabilities, "rootUri": folder.as_uri(), "initializationOptions": options})
        self.send({"method": "initialized", "params": {}})

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def read(self):
        length = 0
        while (line := self.process.stdout.readline().strip()):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        message = json.loads(self.process.stdout.read(length))
        if "method" in message and "id" in message:
            self.send({"id": message["id"], "result": None})
        return message

    def request(self, method, params):
        self.next += 1
        self.send({"id": self.next, "method": method, "params": params})
        while True:
            message = self.read()
            if message.get("id") == self.next and "method" not in message:
                assert "error" not in message, message
                return message["result"]

    def cpu(self):
        """The processor time in seconds so far, on Linux; it does not depend on other load."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def index(self):
        """Waits until the index is complete; returns the number of items."""
        while True:
            message = self.read()
            index = (message.get("params") or {}).get("index") if message.get("method") == "fovea/status" else None
            if index and index["state"] == "ready":
                return index["items"]


scratch = pathlib.Path(tempfile.mkdtemp()).resolve()
copy = scratch / "folder"
count = 0
for path in sorted(pathlib.Path(arguments.folder).resolve().rglob("*")):
    if path.suffix in SUFFIXES and path.is_file() and not path.is_symlink() and path.stat().st_size < 200_000:
        text = path.read_text(errors="replace")
        # The number of items is about that of lines that begin a function, a type or a section.
        count += sum(line.lstrip().startswith(("def ", "class ", "fn ", "pub fn ", "function ", "func ", "# ", "## ")) for line in text.splitlines())
        place = copy / path.relative_to(pathlib.Path(arguments.folder).resolve())
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    if count >= arguments.items:
        break
start = time.time()
server = Server(copy, scratch / "cache")
items = server.index()
print(f"{items} items, indexed in {time.time() - start:.0f} s")
questions = json.loads((HERE / "questions.json").read_text())
questions = [question for question, _ in questions["answered"]] + questions["unanswered"]
times, answered = [], 0
for turn in range(arguments.asked + 3):
    before = server.cpu() if turn == 3 else before if turn > 3 else 0
    start = time.time()
    answer = server.request("workspace/executeCommand", {"command": "fovea.ask", "arguments": [questions[turn % len(questions)]]})
    if turn >= 3:
        times.append((time.time() - start) * 1e3)
        answered += bool(answer["answers"])
times.sort()
rank = lambda share: times[min(len(times) - 1, round(share * (len(times) - 1)))]
print(f"{len(times)} questions, {answered} with an answer: median {rank(0.5):.0f} ms, p90 {rank(0.9):.0f} ms, p99 {rank(0.99):.0f} ms")
print(f"processor time of a question: {1000 * (server.cpu() - before) / len(times):.0f} ms")
server.process.kill()
shutil.rmtree(scratch, ignore_errors=True)
