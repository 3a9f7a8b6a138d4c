#!/usr/bin/env python3
"""How well the embedded models read five languages: coverage, faithfulness, and a search for English text.

    python3 benches/languages/run.py FOVEA ENGLISH MULTILINGUAL FOLDER [--repositories DIR]

FOVEA is the program; ENGLISH and MULTILINGUAL are folders with all-MiniLM-L6-v2 and multilingual-e5-small (`fovea model pull`). The texts are
articles of javascript.info, which volunteers translate: 40 per language, chosen by a hash of their paths among those that are translated. FOLDER
gets copies of them. DIR has clones of javascript-tutorial/LANGUAGE.javascript.info as DIR/LANGUAGE; without it they are cloned from GitHub. The
commits are below.

For each language and model:
- coverage: share of the letters that the vocabulary has;
- faithfulness: `fovea evaluate` on 60 units: how far the embedding turns without the words that the default method puts first, over the same
  for a random order;
- search: the title of each article is looked for among all English articles. Right is the article of the same path.
"""
import argparse
import hashlib
import json
import os
import pathlib
import subprocess

COMMITS = {
    "en": "ff804bc19351b72bc5df7766f4b9eb8249a3cb11", "zh": "4ae3116347a56fcfed6bbdeb30b76f802c0511a2",
    "ja": "44bb200d9ed8a2c20c9ce5f9b06560def526b259", "ru": "c7f78764cda47a52b7116e17f9b543b213e535bc",
    "de": "fdb99a69c6812dfaa2a68d099ef3a54f939907a2", "es": "3506546bc6dc57c217a016319d64fdcb8d22724e",
}
NAMES = {"zh": "Chinese", "ja": "Japanese", "ru": "Russian", "de": "German", "es": "Spanish"}
ARTICLES, UNITS = 40, 60


def git(folder, *arguments):
    return subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True).stdout.decode()


def articles(repositories, language):
    """The articles of a language by path."""
    folder = repositories / language
    if not folder.exists():
        url = f"https://github.com/javascript-tutorial/{language}.javascript.info"
        subprocess.run(["git", "clone", "--quiet", "--filter=blob:none", "--no-checkout", url, str(folder)], check=True)
    commit = COMMITS[language]
    paths = [path for path in git(folder, "ls-tree", "-r", "--name-only", commit).splitlines() if path.endswith("/article.md")]
    return {path: git(folder, "show", f"{commit}:{path}") for path in paths}


def title(text):
    return next((line[1:].strip() for line in text.splitlines() if line.startswith("# ")), "")


def translated(text, english):
    """Whether most lines of prose differ from the English ones."""
    original = set(english.splitlines())
    prose = [line for line in text.splitlines() if len(line) > 40 and not line.startswith((" ", "\t", "`"))]
    same = sum(line in original for line in prose)
    return len(prose) > 5 and same < 0.2 * len(prose) and title(text) != title(english)


def fovea(program, *arguments):
    return json.loads(subprocess.run([program, *arguments, "--format", "json"], check=True, capture_output=True).stdout)


def coverage(program, model, files):
    letters = read = 0
    for file in files:
        text = file.read_text()
        for unit in fovea(program, "explain", str(file), "--model", model)["units"]:
            own = text.encode()[unit["start"]["byte"]:unit["end"]["byte"]].decode(errors="ignore")
            count = sum(map(str.isalpha, own))
            letters, read = letters + count, read + count * unit["coverage"]
    return read / letters


def faithful(program, model, folder):
    table = fovea(program, "evaluate", str(folder), "--methods", "decomposition,random", "--units", str(UNITS),
                  "--no-random-weights", "--model", model)
    rows = {row["method"]: row for row in table["methods"]}
    own, random = rows["decomposition"], rows["random"]["comprehensiveness"]
    return own["comprehensiveness"], own["interval"], random, table["units"]


def search(program, options, queries, folder):
    """The share of queries whose article comes first, and among the first three."""
    first = three = 0
    for path, query in queries.items():
        seen = []
        for hit in fovea(program, "search", query, "--root", str(folder), "--top", "20", *options):
            if hit["path"] not in seen:
                seen.append(hit["path"])
        rank = seen.index(path) if path in seen else 99
        first, three = first + (rank == 0), three + (rank < 3)
    return first / len(queries), three / len(queries)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program")
    arguments.add_argument("english")
    arguments.add_argument("multilingual")
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--repositories", type=pathlib.Path)
    given = arguments.parse_args()
    repositories = given.repositories or given.folder / "repositories"
    repositories.mkdir(parents=True, exist_ok=True)
    program = os.path.abspath(given.program)
    originals = articles(repositories, "en")
    english = given.folder / "en"
    for path, text in originals.items():
        (english / path).parent.mkdir(parents=True, exist_ok=True)
        (english / path).write_text(text)
    print("| language | model | coverage | comprehensiveness | random order | × | title → English article first | among three |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for language, name in NAMES.items():
        known = articles(repositories, language)
        chosen = [path for path in known if path in originals and translated(known[path], originals[path])]
        chosen = sorted(chosen, key=lambda path: hashlib.sha256(path.encode()).hexdigest())[:ARTICLES]
        folder = given.folder / language
        folder.mkdir(exist_ok=True)
        files = []
        for path in chosen:
            files.append(folder / path.replace("/", "_"))
            files[-1].write_text(known[path])
        queries = {path: title(known[path]) for path in chosen}
        for label, model, options in (("MiniLM", given.english, ["--model", given.english]), ("multilingual-e5-small", given.multilingual, [])):
            found, interval, random, units = faithful(program, model, folder)
            first, three = search(program, options, queries, english)
            print(f"| {name} | {label} | {coverage(program, model, files):.2f} | {found:.3f} ({interval[0]:.3f} – {interval[1]:.3f}) | {random:.3f} "
                  f"| {found / random:.1f} | {first:.2f} | {three:.2f} |", flush=True)
        print(f"<!-- {name}: {len(chosen)} articles, {units} units -->", flush=True)
