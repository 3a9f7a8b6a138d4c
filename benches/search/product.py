"""The program under test: its command line, and its server for latency."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from protocol import Result

# The terms of the ranking that `--without` turns off. `vector` is the cosine; the others are added to it.
TERMS = ["words", "definition", "path", "coherence", "saturation", "weights", "files"]


class Product:
    """A `fovea` binary with its own cache, so that no index of the user is read or written."""

    def __init__(self, binary: str, cache: Path):
        self.binary = binary
        self.environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
        probe = self.start("search", "--without", "words", "--help")
        self.has_terms = probe.returncode == 0

    def start(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess:
        command = [self.binary, *arguments]
        return subprocess.run(command, input=text, capture_output=True, text=True, env=self.environment, check=False)

    def run(self, *arguments: str, text: str | None = None) -> str:
        done = self.start(*arguments, text=text)
        if done.returncode:
            sys.exit(f"fovea {arguments[0]} failed with {done.returncode}: {done.stderr.strip()[-300:]}")
        return done.stdout

    def index(self, folder: Path) -> None:
        self.run("index", str(folder))

    def search(self, folder: Path, query: str, top: int, without=()) -> list[Result]:
        left_out = [argument for term in without for argument in ("--without", term)]
        found = self.run("search", "--root", str(folder), "--top", str(top), "--format", "json", *left_out, "--", query)
        return [result(entry) for entry in json.loads(found)]

    def embed(self, texts: list[str], *options: str) -> list[list[float]]:
        lines = self.run("embed", *options, text="".join(json.dumps(text) + "\n" for text in texts))
        return [json.loads(line) for line in lines.splitlines()]


def result(entry: dict) -> Result:
    return Result(entry["path"], entry["start"]["line"] + 1, entry["end"]["line"] + 1)


class Server:
    """`fovea serve` with one folder open."""

    def __init__(self, product: Product, folder: Path):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [product.binary, "serve"], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=product.environment
        )
        self.sent, self.status = 0, {}
        uri = folder.resolve().as_uri()
        abilities = {"workspace": {"workspaceFolders": True}, "experimental": {"fovea": {"status": True}}}
        folders = [{"uri": uri, "name": folder.name}]
        self.ask("initialize", {"processId": os.getpid(), "rootUri": uri, "workspaceFolders": folders, "capabilities": abilities})
        self.send({"method": "initialized", "params": {}})
        while self.status.get("index", {}).get("state") != "ready":
            self.take(self.read())

    def send(self, message: dict) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def read(self) -> dict:
        length = 0
        while line := self.process.stdout.readline().strip():
            key, _, value = line.partition(b":")
            length = int(value) if key.lower() == b"content-length" else length
        if not length:
            sys.exit("fovea serve ended without an answer")
        return json.loads(self.process.stdout.read(length))

    def take(self, message: dict) -> None:
        """Keeps a status; answers a request of the server."""
        if message.get("method") == "fovea/status":
            self.status = message["params"]
        if "id" in message and "method" in message:
            asked_for_settings = message["method"] == "workspace/configuration"
            answer = [None] * len(message["params"]["items"]) if asked_for_settings else None
            self.send({"id": message["id"], "result": answer})

    def ask(self, method: str, params: dict | None):
        self.sent += 1
        self.send({"id": self.sent, "method": method, "params": params})
        while True:
            message = self.read()
            if message.get("id") != self.sent or "method" in message:
                self.take(message)
            elif "error" in message:
                sys.exit(f"{method}: {message['error']}")
            else:
                return message["result"]

    def search_ms(self, query: str) -> float:
        """Milliseconds from the request to the whole answer."""
        start = time.perf_counter()
        self.ask("workspace/executeCommand", {"command": "fovea.search", "arguments": [{"query": query, "top": 10}]})
        return (time.perf_counter() - start) * 1000

    def close(self) -> None:
        self.ask("shutdown", None)
        self.send({"method": "exit"})
        self.process.wait(20)
