#!/usr/bin/env python3
"""A small language server in place of the primary one in the editor tests.

It answers hover with the word at the cursor, puts a lens on each function, and highlights the other occurrences of a word. Fovea does
the same three things, so the tests can check whether the user sees the answers of both servers. With `--semantic-tokens`, it also
reports the names of functions as functions, which editors color. It uses only the standard library.
"""

import json
import re
import sys

WORD = re.compile(r"\w+")
documents = {}


def read():
    length = 0
    while (header := sys.stdin.buffer.readline()) not in (b"\r\n", b""):
        name, _, value = header.decode("ascii").partition(":")
        if name.lower() == "content-length":
            length = int(value)
    return json.loads(sys.stdin.buffer.read(length)) if length else None


def write(message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    sys.stdout.buffer.flush()


def lines_of(params):
    """The lines of a document; none before it is opened, because an editor may ask while the server starts."""
    return documents.get(params["textDocument"]["uri"], "").split("\n")


def word_at(params):
    """The word at a position. It counts characters, which is correct for the ASCII lines of the tests."""
    lines = lines_of(params)
    line, character = params["position"]["line"], params["position"]["character"]
    for match in WORD.finditer(lines[line] if line < len(lines) else ""):
        if match.start() <= character <= match.end():
            return match.group()
    return None


def span(line, start, end):
    return {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}


def hover(params):
    word = word_at(params)
    return word and {"contents": {"kind": "markdown", "value": f"second server: `{word}`"}}


def highlight(params):
    word = word_at(params)
    lines = lines_of(params)
    return [
        {"range": span(number, match.start(), match.end()), "kind": 1}
        for number, line in enumerate(lines)
        for match in WORD.finditer(line)
        if match.group() == word
    ]


def lenses(params):
    lines = lines_of(params)
    return [
        {"range": span(number, 0, len(line)), "command": {"title": "second server: run", "command": "second.run"}}
        for number, line in enumerate(lines)
        if re.match(r"(pub )?(fn|def) ", line)
    ]


def semantic_tokens(params):
    data, last = [], 0
    for number, line in enumerate(lines_of(params)):
        if match := re.search(r"\b(?:fn|def) (\w+)", line):
            data += [number - last, match.start(1), match.end(1) - match.start(1), 0, 0]
            last = number
    return {"data": data}


SEMANTIC_TOKENS = {
    "semanticTokensProvider": {"legend": {"tokenTypes": ["function"], "tokenModifiers": []}, "full": True},
}


def initialize(_):
    return {
        "capabilities": {
            **(SEMANTIC_TOKENS if "--semantic-tokens" in sys.argv else {}),
            "textDocumentSync": 1,
            "hoverProvider": True,
            "documentHighlightProvider": True,
            "codeLensProvider": {"resolveProvider": False},
            "executeCommandProvider": {"commands": ["second.run"]},
        },
        "serverInfo": {"name": "second"},
    }


REQUESTS = {
    "initialize": initialize,
    "textDocument/hover": hover,
    "textDocument/documentHighlight": highlight,
    "textDocument/codeLens": lenses,
    "textDocument/semanticTokens/full": semantic_tokens,
    "workspace/executeCommand": lambda params: None,
    "shutdown": lambda params: None,
}


def main():
    while (message := read()) is not None:
        method, params = message.get("method"), message.get("params") or {}
        if method == "exit":
            return
        if method == "textDocument/didOpen":
            documents[params["textDocument"]["uri"]] = params["textDocument"]["text"]
        elif method == "textDocument/didChange":
            documents[params["textDocument"]["uri"]] = params["contentChanges"][-1]["text"]
        elif "id" in message and method in REQUESTS:
            write({"id": message["id"], "result": REQUESTS[method](params)})
        elif "id" in message and method:
            write({"id": message["id"], "error": {"code": -32601, "message": f"no {method}"}})


if __name__ == "__main__":
    main()
