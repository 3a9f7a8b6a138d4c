#!/usr/bin/env python3
"""Measures how often a wrong variable is among the most surprising words of its function.

    python benches/surprisal/run.py FOVEA MODEL FOLDER... [--functions 100] [--control]

MODEL predicts the next token (for example a GGUF file of Gemma 3 270M); FOLDER contains sources in Python, Rust or JavaScript. The script takes
functions of 8 to 30 lines, and replaces a variable at a random place in each by another variable of the same function. It prints how often
the wrong variable is among the five words with the highest scores: by surprisal, by chance, for the right variable before the change, and by
the methods of the embedded model (each from the top and from the bottom). Needs nothing beyond Python.
"""
import argparse
import collections
import json
import pathlib
import random
import re
import subprocess
import tempfile
import textwrap

TOP = 5
METHODS = ("decomposition", "alti", "leave-one-out")
STARTS = {
    ".py": re.compile(r"^( *)(async )?def \w+"),
    ".rs": re.compile(r"^( *)(pub(\([^)]*\))? )?(const |async |unsafe )*fn \w+"),
    ".js": re.compile(r"^( *)((async )?function \w+\(|[\w.]+ = (async )?function)"),
}
DECLARED = {
    ".py": [r"(?:^|[(,]\s*)(\w+)\s*(?::[^,=)]+)?=[^=]", r"\bfor (\w+) in", r"\bas (\w+):", r"[(,]\s*(\w+)\s*(?=[,:)])"],
    ".rs": [r"\blet (?:mut )?(\w+)", r"[(,]\s*(?:mut )?(\w+): ", r"\bfor (\w+) in", r"Some\((\w+)\)", r"\|(\w+)\|"],
    ".js": [r"\b(?:var|let|const) (\w+)", r"function[^(]*\((?:\w+, )*(\w+)", r"[(,] ?(\w+)(?=, \w+\) ?\{|\) ?\{)"],
}
NOT_NAMES = set("self cls None True False null undefined true false this Ok Err Some if else for while return match in as not and or is".split())

arguments = argparse.ArgumentParser()
arguments.add_argument("fovea")
arguments.add_argument("model")
arguments.add_argument("folders", nargs="+")
arguments.add_argument("--functions", type=int, default=100)
arguments.add_argument("--control", action="store_true", help="score the functions before the change, too")
arguments = arguments.parse_args()
chance = random.Random(0)


def functions(path):
    """The functions of a file, each without its indentation."""
    lines = path.read_text(errors="replace").splitlines()
    for first, line in enumerate(lines):
        start = STARTS[path.suffix].match(line)
        if not start:
            continue
        indent, last = len(start.group(1)), first + 1
        opened = path.suffix == ".py"
        while last < len(lines):
            text = lines[last]
            if text.strip() and len(text) - len(text.lstrip()) <= indent:
                # A signature may continue on such lines, and a closing bracket still belongs to the body.
                if not text.strip().startswith((")", "}", "where")):
                    break
                if text.strip().startswith("}") and not opened:
                    last += 1
                    break
            last += 1
        if 8 <= last - first <= 30:
            yield textwrap.dedent("\n".join(lines[first:last]).rstrip() + "\n")


def mutated(text, suffix):
    """The function with a wrong variable, its place, and the right one; None if there are no two variables."""
    blank = lambda found: re.sub(r"\S", " ", found.group())
    code = re.sub(r'"""[\s\S]*?"""', blank, text)
    code = re.sub(r'"[^"\n]*"|\'[^\'\n]*\'|`[^`]*`', blank, code)
    code = re.sub(r"(#|//).*", blank, code)
    declared = {}
    for pattern in DECLARED[suffix]:
        for found in re.finditer(pattern, code, re.M):
            name = found.group(1)
            if name not in NOT_NAMES and not name[0].isdigit() and name[0].islower() and len(name) > 1:
                declared[name] = min(declared.get(name, len(code)), found.start(1))
    body = code.find("\n")
    places = []
    for found in re.finditer(r"(?<![\w.])[a-z_]\w+\b(?!\s*[:(=!]|\w)", code):
        name, at = found.group(), found.start()
        others = [other for other, where in declared.items() if other != name and where < at]
        if at > body and name in declared and declared[name] < at and others:
            places.append((at, name, others))
    if not places:
        return None
    at, name, others = chance.choice(places)
    wrong = chance.choice(sorted(others))
    return text[:at] + wrong + text[at + len(name):], at, name, wrong


def units(path, method, model=None):
    """The units of a file: their byte ranges, and their words with scores."""
    command = [arguments.fovea, "explain", str(path), "--method", method, "--format", "json"]
    found = subprocess.run(command + (["--model", model] if model else []), check=True, capture_output=True, text=True)
    told = json.loads(found.stdout)["units"]
    place = lambda unit: (unit["start"]["byte"], unit["end"]["byte"])
    return {place(unit): [(word["start"]["byte"], word["score"]) for word in unit["words"]] for unit in told}


def scores(cases, suffix, method, model=None):
    """The words of each function with their scores, from one file; None if a function is not one unit."""
    path, at, starts = pathlib.Path(folder.name) / f"functions{suffix}", 0, []
    for text in cases:
        starts.append((at, at + len(text.rstrip())))
        at += len(text) + 2
    path.write_text("".join(text + "\n\n" for text in cases))
    found = units(path, method, model)
    # A unit may include blank lines after it.
    of = lambda start, end: next((words for (first, last), words in found.items() if first == start and end <= last <= end + 3), None)
    own = [(start, of(start, end)) for start, end in starts]
    return [words and [(byte - start, score) for byte, score in words] for start, words in own]


def stands(words, byte, sign=1):
    """Whether the word at a byte is among the first words by score."""
    order = sorted(words, key=lambda word: -sign * word[1])
    return byte in [at for at, _ in order[:TOP]]


files = [path for folder in arguments.folders for path in sorted(pathlib.Path(folder).resolve().rglob("*")) if path.suffix in STARTS]
pool = collections.defaultdict(list)
for path in files:
    for text in functions(path):
        pool[path.suffix].append(text)
for texts in pool.values():
    chance.shuffle(texts)
print({suffix: len(texts) for suffix, texts in pool.items()})
folder = tempfile.TemporaryDirectory()
counts, expected, taken = collections.Counter(), [], collections.Counter()
for suffix, texts in sorted(pool.items()):
    cases = [(text, *change) for text in texts if text.isascii() and (change := mutated(text, suffix))]
    # Some functions are not separate units, so more are drawn.
    cases = cases[: arguments.functions // len(pool) * 5 // 4]
    changed = [case[1] for case in cases]
    surprisal = scores(changed, suffix, "surprisal", arguments.model)
    others = {method: scores(changed, suffix, method) for method in METHODS}
    before = scores([case[0] for case in cases], suffix, "surprisal", arguments.model) if arguments.control else [None] * len(cases)
    for index, (_, _, at, right, wrong) in enumerate(cases):
        words = surprisal[index]
        if taken[suffix] == arguments.functions // len(pool) or not words or at not in [start for start, _ in words]:
            continue
        taken[suffix] += 1
        expected.append(min(1, TOP / len(words)))
        counts["surprisal"] += stands(words, at)
        counts[f"surprisal {suffix}"] += stands(words, at)
        for method, found in others.items():
            for name, sign in (("highest", 1), ("lowest", -1)):
                counts[f"{name} {method}"] += stands(found[index] or [], at, sign)
        counts["the right variable at the same place"] += stands(before[index] or [], at)
total = sum(taken.values())
print(f"{total} functions {dict(taken)}, {sum(TOP / share for share in expected) / total:.0f} words on average")
print(f"by chance: {100 * sum(expected) / total:.0f} %")
for name, count in counts.most_common():
    of = taken[name.split()[1]] if name.startswith("surprisal .") else total
    print(f"{name}: {100 * count / of:.0f} % ({count} of {of})")
