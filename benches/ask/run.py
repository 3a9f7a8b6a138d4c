#!/usr/bin/env python3
"""Measures how often `fovea ask` finds the right file, and which threshold separates questions with and without an answer.

    python benches/ask/run.py FOVEA [--model MODEL] [--repositories DIR]

The questions are about this repository. The script searches a copy of its pages and of the folders in CODE; this folder is not among them,
since a search would find the questions themselves. With DIR, which contains one git clone per repository as OWNER/NAME, it asks the
questions of benches/search about flask, fd and express as well. There an answer is right if its file is right; more strictly, if it touches
the judged lines; or if it is in accepted.json: lines, mostly of documentation, that we found to answer when we read what Fovea answered.
Needs nothing beyond Python and git.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

CODE = ["src/explain", "src/model", "src/server", "src/text"]
HERE = pathlib.Path(__file__).parent
arguments = argparse.ArgumentParser()
arguments.add_argument("fovea")
arguments.add_argument("--model")
arguments.add_argument("--repositories", type=pathlib.Path)
arguments = arguments.parse_args()


def ask(question, folder):
    command = [arguments.fovea, "ask", question, str(folder), "--threshold", "0", "--format", "json"]
    start = time.time()
    found = subprocess.run(command + (["--model", arguments.model] if arguments.model else []), check=True, capture_output=True, text=True)
    times.append(time.time() - start)
    return json.loads(found.stdout)


def unpack(repository, revision, *paths):
    copy = tempfile.TemporaryDirectory()
    archive = subprocess.run(["git", "-C", repository, "archive", revision, *paths], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", copy.name], input=archive, check=True)
    return copy


def touches(answer, judged):
    first, last = answer["start"]["line"] + 1, answer["end"]["line"] + 1
    return any(start <= last and first <= end for start, end in judged)


def foreign(name, asked):
    """How many questions have a right file first, a right file among the first three, judged lines among them, lines that answer."""
    source = json.loads((HERE.parent / "search" / "sources.json").read_text())["questions"][name]
    copy = unpack(arguments.repositories / source["repository"], source["revision"])
    counts = [0, 0, 0, 0]
    for question in asked:
        answers = ask(question["query"], pathlib.Path(copy.name))
        judged = {}
        for lines in question["relevant"]:
            judged.setdefault(lines["path"], []).append((lines.get("start_line", 1), lines.get("end_line", 10**9)))
        read = {}
        for path, first, last in accepted.get(name, {}).get(question["query"], []):
            read.setdefault(path, []).append((first, last))
        places = [(answer, str(pathlib.Path(answer["path"]).relative_to(copy.name))) for answer in answers]
        files = [place in judged for _, place in places]
        exact = any(touches(answer, judged.get(place, [])) for answer, place in places)
        answered = exact or any(touches(answer, read.get(place, [])) for answer, place in places)
        counts = [count + found for count, found in zip(counts, [files[:1] == [True], any(files), exact, answered], strict=True)]
        if not answered:
            print(f"  {name}, not answered: {question['query']}  {[place for _, place in places]}")
    return counts


root = HERE.parent.parent
copy = unpack(root, "HEAD", "docs", ":(glob)*.md", *CODE)
folder = pathlib.Path(copy.name)
times = []
questions = json.loads((HERE / "questions.json").read_text())
accepted = json.loads((HERE / "accepted.json").read_text())
ranks, with_answer = [], []
for question, files in questions["answered"]:
    answers = ask(question, folder)
    places = [str(pathlib.Path(answer["path"]).relative_to(folder)) for answer in answers]
    rank = next((rank for rank, place in enumerate(places, 1) if place in files), 0)
    ranks.append(rank)
    with_answer.append(answers[0]["score"] if answers else 0)
    if rank != 1:
        print(f"  rank {rank}: {question}  {places}")
without = [(answers[0]["score"] if (answers := ask(question, folder)) else 0) for question in questions["unanswered"]]
count = len(ranks)
print(f"right file first {sum(rank == 1 for rank in ranks)}/{count}, among the first three {sum(rank > 0 for rank in ranks)}/{count}")
pairs = [(a > b) + 0.5 * (a == b) for a in with_answer for b in without]
print(f"area under the curve {statistics.mean(pairs):.3f}; seconds for a command: median {statistics.median(times):.2f}")
print("threshold  answered  wrongly answered")
for threshold in [x / 100 for x in range(20, 80, 2)]:
    kept, wrong = sum(s >= threshold for s in with_answer), sum(s >= threshold for s in without)
    print(f"     {threshold:.2f}     {kept}/{count}     {wrong}/{len(without)}")
if arguments.repositories:
    for name, asked in json.loads((HERE.parent / "search" / "questions.json").read_text()).items():
        first, three, place, read = foreign(name, asked)
        print(f"{name}: of {len(asked)} questions, right file first {first}, among the first three {three}, judged lines {place}, an answer {read}")
