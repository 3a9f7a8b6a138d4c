"""Extracts the items of the evaluation from checked-out public repositories.

    python tasks.py REPOSITORIES ITEMS.jsonl

REPOSITORIES contains one checkout per entry of sources.json, in the folder owner/name. We never commit the content of the repositories
here, because they have their own licenses. The commits in sources.json identify it exactly.
"""

import gzip
import hashlib
import json
import re
import sys
from pathlib import Path

from functions import EXTENSIONS, first_sentence, functions

SOURCES = json.loads(Path(__file__).with_name("sources.json").read_text())
TEST_PATH = re.compile(
    r"(^|[/_.-])(tests?|specs?|testing|testlib|unity|catch|cases_test|proof)([/_.-]|$)|Tests?\.\w+$|Spec\.\w+$", re.I
)
SKIPPED_PATH = re.compile(
    r"node_modules|vendor/|third_party|/dist/|\.min\.|/fmt/bundled|generated|/locale/|test-framework|/docs?/|/examples?/"
)
LARGEST_FILE = 400_000
FUNCTIONS_PER_LIBRARY = 350
FUNCTIONS_PER_FORK = 200
LONGEST_FUNCTION = 4000


def half(*key) -> str:
    """Development or test. A hash decides, so the half does not depend on our choice and is the same in every run."""
    return "development" if hashlib.sha256("/".join(key).encode()).digest()[0] % 2 == 0 else "test"


def order(*key) -> bytes:
    return hashlib.sha256("/".join(key).encode()).digest()


def read(path: Path):
    try:
        return path.read_text() if path.stat().st_size <= LARGEST_FILE else None
    except (UnicodeDecodeError, OSError):
        return None


def humaneval_x(root: Path):
    """The same 164 tasks in six languages, as the authors of the benchmark wrote them."""
    names = {"cpp": "cpp", "go": "go", "java": "java", "js": "javascript", "python": "python", "rust": "rust"}
    for short, language in names.items():
        file = root / f"THUDM/CodeGeeX/codegeex/benchmark/humaneval-x/{short}/data/humaneval_{short}.jsonl.gz"
        for line in gzip.open(file, "rt"):
            task = json.loads(line)
            number = task["task_id"].split("/")[1]
            found = functions(task["declaration"] + task["canonical_solution"], language)
            if found:
                code = "\n\n".join(f.code for f in found)
                name = found[-1].name if language == "python" else found[0].name
                yield {
                    "set": "tasks",
                    "source": "humaneval-x",
                    "task": number,
                    "language": language,
                    "name": name,
                    "code": code,
                    "half": half("humaneval-x", number),
                }


TRACKS = {
    "c": "c",
    "cpp": "cpp",
    "cs": "csharp",
    "csharp": "csharp",
    "go": "go",
    "java": "java",
    "javascript": "javascript",
    "ecmascript": "javascript",
    "php": "php",
    "python": "python",
    "ruby": "ruby",
    "rust": "rust",
}


def kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).replace("_", "-").lower()


def exercise_files(root: Path, repository: str):
    """The solutions of a repository: (language, exercise, file)."""
    base = root / repository
    for path in sorted(base.rglob("*")):
        language = EXTENSIONS.get(path.suffix)
        if language is None or not path.is_file():
            continue
        parts = path.relative_to(base).parts
        if repository.startswith("exercism/"):
            official = "example." in path.name.lower() or "proof.ci" in path.name or "/reference/" in str(path)
            if parts[:2] == ("exercises", "practice") and ".meta" in parts and official:
                yield language, parts[2], path
            continue
        while parts and parts[0] in {"solutions", "exercises"}:
            parts = parts[1:]
        if len(parts) < 2 or TRACKS.get(parts[0]) != language or TEST_PATH.search("/".join(parts[1:])):
            continue
        own = parts[2:] if parts[1] == "exercises" else parts[1:]
        yield language, kebab(Path(own[0]).stem), path


def exercises(root: Path):
    """Solutions of the same exercises by several authors. A solution counts if one function is at least half of it."""
    seen = set()
    for repository in SOURCES["exercises"]:
        author = "track" if repository.startswith("exercism/") else repository.split("/")[0]
        for language, exercise, path in exercise_files(root, repository):
            text = read(path)
            found = [f for f in functions(text, language) if not f.test and f.name != "main"] if text else []
            if not found or (author, language, exercise) in seen:
                continue
            main = max(found, key=lambda f: len(f.code))
            if 2 * len(main.code) < sum(len(f.code) for f in found) or len(main.code) < 60:
                continue
            seen.add((author, language, exercise))
            yield {
                "set": "exercises",
                "source": "exercism",
                "task": exercise,
                "author": author,
                "language": language,
                "name": main.name,
                "code": main.code,
                "half": half("exercism", exercise),
            }


def library_files(root: Path, repository: str):
    base = root / repository
    files = [p for p in base.rglob("*") if p.suffix in EXTENSIONS and p.is_file()]
    kept = [p for p in files if not SKIPPED_PATH.search("/" + str(p.relative_to(base)))]
    return sorted(kept, key=lambda p: order(repository, str(p.relative_to(base))))


def library(root: Path, repository: str, limit=FUNCTIONS_PER_LIBRARY):
    """The functions of a repository: whole files in the order of a hash, until the limit is reached."""
    count = 0
    for path in library_files(root, repository):
        text, language = read(path), EXTENSIONS[path.suffix]
        if text is None or "DO NOT EDIT" in text[:2000]:
            continue
        place = str(path.relative_to(root / repository))
        for f in functions(text, language):
            if len(f.code) + len(f.doc) > LONGEST_FUNCTION:
                continue
            count += 1
            test = f.test or bool(TEST_PATH.search(place))
            yield {
                "repository": repository,
                "language": language,
                "path": place,
                "container": f.container,
                "name": f.name,
                "code": f.code,
                "doc": f.doc,
                "test": test,
                "line": f.line,
                "sentence": "" if test else query_of(f),
            }
        if count >= limit:
            return


def query_of(f):
    """The first sentence of the documentation, without a name at its beginning.

    Empty if it is not a sentence, or if it still contains a name of several words.
    """
    sentence = first_sentence(f.doc, f.name) if f.doc else ""
    words = sentence.split()
    tells = len(re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", f.name)) > 1 and f.name.lower() in sentence.lower()
    plain = re.fullmatch(r"[\x20-\x7e]+", sentence)
    bad = re.search(r"copyright|license|TODO|FIXME|inheritdoc|eslint|^@|deprecated|:\w+:", sentence, re.I)
    return sentence if 4 <= len(words) <= 40 and plain and not tells and not bad else ""


def libraries(root: Path):
    for repository in SOURCES["libraries"]:
        for item in library(root, repository):
            yield {"set": "libraries", "source": repository, "half": half("library", repository), **item}


def fork_name(text: str) -> str:
    return re.sub(r"(hi)?redis|valkey", "", text, flags=re.I).lower()


def stem(item) -> str:
    return fork_name(Path(item["path"]).stem)


def shared_files(sides) -> set:
    """The files that both repositories have, in the order of a hash, until they have enough functions."""
    both, taken, count = {stem(i) for i in sides[0]} & {stem(i) for i in sides[1]}, set(), 0
    for name in sorted(both, key=order):
        if count < FUNCTIONS_PER_FORK:
            taken.add(name)
            count += sum(stem(i) == name for i in sides[0])
    return taken


def forks(root: Path):
    """Functions with the same name and class in a repository and in its fork whose texts have diverged.

    The pool contains all functions of the files that both repositories have, so a copy competes with functions from its own file.
    """
    for one, other in SOURCES["forks"]:
        sides = [[i for i in library(root, r, 100_000) if not i["test"]] for r in (one, other)]
        both = shared_files(sides)
        sides = [[i for i in side if stem(i) in both] for side in sides]
        keys = [{}, {}]
        for side, table in zip(sides, keys):
            for item in side:
                table.setdefault((fork_name(item["container"]), fork_name(item["name"])), []).append(item)
        shared = {
            k for k in keys[0] if len(keys[0][k]) == len(keys[1].get(k, ())) == 1 and keys[0][k][0]["code"] != keys[1][k][0]["code"]
        }
        for side, table in zip(sides, keys):
            for item in side:
                key = (fork_name(item["container"]), fork_name(item["name"]))
                item.pop("sentence")
                yield {
                    "set": "forks",
                    "source": f"{one} and {other}",
                    "half": half("fork", one, stem(item)),
                    "author": item["repository"],
                    "task": "/".join(key) if key in shared else None,
                    **item,
                }


def main(root: Path, out: Path):
    with out.open("w") as file:
        for make in (humaneval_x, exercises, forks, libraries):
            for item in make(root):
                file.write(json.dumps(item) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
