#!/usr/bin/env python3
"""Measures the agreement of a comparison's links with human annotations: SemEval-2016 interpretable similarity (iSTS).

    python3 benches/ists/run.py FOVEA FOLDER [--split train|test] [--limit N]

FOLDER gets a clone of github.com/AdaSawilska/NLP_iSTS at a pinned commit ($FOVEA_GIT/OWNER/NAME instead of github.com, if it is set); its
data is not part of this repository. Annotators linked chunks of two sentences. As in the task's evalF1.pl, the gold pairs of words are all
pairs of words of two linked chunks, without punctuation. Fovea's pairs are the `alignment` of `fovea.comparePassages`. Precision, recall and
F1 count the pairs of all sentences together, each once.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import tempfile

REPOSITORY, COMMIT = "AdaSawilska/NLP_iSTS", "05db326b5306c0aff6419ef633e93b64d8b2184a"
TRAIN, TEST = "data/Semeval2016/train/", "data/Semeval2016/test/test_goldStandard/STSint.testinput."
FILES = {
    "train": {
        "headlines": TRAIN + "train_2015_10_22.utf-8/STSint.input.headlines.wa",
        "images": TRAIN + "train_2015_10_22.utf-8/STSint.input.images.wa",
        "students": TRAIN + "train_students_answers_2015_10_27.utf-8/STSint.input.answers-students.wa",
    },
    "test": {
        "headlines": TEST + "headlines.wa",
        "images": TEST + "images.wa",
        "students": TEST + "answers-students.wa",
    },
}
PUNCTUATION = re.compile(r"^[.,:'`?;\"-]$")


def fetched(folder):
    """The clone at its commit."""
    clone = pathlib.Path(folder) / "NLP_iSTS"
    if not clone.exists():
        base = os.environ.get("FOVEA_GIT", "https://github.com")
        subprocess.run(["git", "clone", "--quiet", "--no-checkout", f"{base}/{REPOSITORY}", clone], check=True)
    return clone


def read(clone, path):
    found = subprocess.run(["git", "-C", clone, "show", f"{COMMIT}:{path}"], check=True, capture_output=True)
    return found.stdout.decode("utf-8", "replace")


def section(block, name):
    return re.search(rf"<{name}>\n(.*?)</{name}>", block, re.S)[1].strip("\n").split("\n")


def pairs_of(text):
    """The words of both sentences, and the gold pairs of their indices."""
    for block in re.findall(r"<sentence id=.*?</sentence>", text, re.S):
        a, b = ([line.split(" ", 1)[1].rsplit(" :", 1)[0].strip() for line in section(block, name)]
                for name in ("source", "translation"))
        gold = set()
        for line in section(block, "alignment"):
            if "<==>" not in line:
                continue
            left, right = ([int(index) for index in side.split()] for side in line.split("//")[0].split("<==>"))
            if 0 not in (left[0], right[0]):
                gold |= {(i - 1, j - 1) for i in left for j in right}
        yield a, b, {(i, j) for i, j in gold if not PUNCTUATION.match(a[i]) and not PUNCTUATION.match(b[j])}


class Server:
    """A Fovea server on a pipe."""

    def __init__(self, program):
        self.scratch = tempfile.TemporaryDirectory()
        environment = {**os.environ, "FOVEA_CACHE_DIR": self.scratch.name}
        self.process = subprocess.Popen([program, "serve", "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, env=environment)
        self.number = 0
        self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        self.send({"method": "initialized", "params": {}})

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def receive(self):
        length = 0
        while line := self.process.stdout.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return json.loads(self.process.stdout.read(length))

    def ask(self, method, params):
        self.number += 1
        self.send({"id": self.number, "method": method, "params": params})
        while True:
            message = self.receive()
            if "method" in message and "id" in message:
                self.send({"id": message["id"], "result": None})
            elif message.get("id") == self.number:
                if "error" in message:
                    raise SystemExit(f"{method}: {message['error']['message']}")
                return message["result"]

    def links(self, a, b):
        """Pairs of indices of the words that Fovea links."""
        passages = [{"text": " ".join(words), "language": "plaintext"} for words in (a, b)]
        found = self.ask("workspace/executeCommand", {"command": "fovea.comparePassages", "arguments": passages})
        # Fovea may split words that are one word in the data.
        places = []
        for side, words in (("a", a), ("b", b)):
            ends, end = [], 0
            for word in words:
                end += len(word.encode()) + 1
                ends.append(end)
            starts = [word["start"]["byte"] for word in found[side]["words"]]
            places.append([next(index for index, end in enumerate(ends) if start < end) for start in starts])
        return {(places[0][link["a"]], places[1][link["b"]]) for link in found["alignment"]}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program")
    arguments.add_argument("folder")
    arguments.add_argument("--split", choices=FILES, default="test")
    arguments.add_argument("--limit", type=int)
    given = arguments.parse_args()
    clone, server = fetched(given.folder), Server(given.program)
    print("| sentences | pairs | F1 | precision | recall |\n| --- | ---: | ---: | ---: | ---: |")
    for name, path in FILES[given.split].items():
        pairs = list(pairs_of(read(clone, path)))[:given.limit]
        linked = right = expected = 0
        for a, b, gold in pairs:
            links = {(i, j) for i, j in server.links(a, b) if not PUNCTUATION.match(a[i]) and not PUNCTUATION.match(b[j])}
            linked, right, expected = linked + len(links), right + len(links & gold), expected + len(gold)
        precision, recall = right / max(linked, 1), right / max(expected, 1)
        f1 = 2 * precision * recall / max(precision + recall, 1e-9)
        print(f"| {name} | {len(pairs)} | {f1:.3f} | {precision:.3f} | {recall:.3f} |", flush=True)
    server.process.kill()


if __name__ == "__main__":
    main()
