"""Local repositories at the revisions of sources.json. Nothing is fetched."""

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

from protocol import Query, Target

HERE = Path(__file__).parent
SOURCES = json.loads((HERE / "sources.json").read_text())
# A result that exceeds the judged lines by more than this does not answer one of Fovea's questions.
SLACK = 100


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=False)


def require(repositories: Path, wanted: list[dict]) -> None:
    """Ends the run with one line per repository or revision that is missing."""
    problems = []
    for source in wanted:
        folder = repositories / source["repository"]
        address = f"https://github.com/{source['repository']}"
        if not folder.is_dir() or git(folder, "rev-parse", "--git-dir").returncode:
            problems.append(f"missing: {folder}, a git clone of {address} with revision {source['revision']}")
        elif git(folder, "cat-file", "-e", source["revision"] + "^{commit}").returncode:
            problems.append(f"missing: revision {source['revision']} in {folder}; fetch it from {address}")
    if problems:
        layout = f"{repositories} must hold one git clone (bare or not) per repository, as OWNER/NAME."
        sys.exit("\n".join([*problems, layout]))


def unpack(repositories: Path, source: dict, target: Path) -> Path:
    """Unpacks a folder of a repository at its revision; paths stay those of the repository."""
    if not target.is_dir():
        wanted = source.get("files") or [source["folder"] or "."]
        done = git(repositories / source["repository"], "archive", source["revision"], *wanted)
        if done.returncode:
            sys.exit(f"cannot unpack {source['repository']}: {done.stderr.decode(errors='replace').strip()[-300:]}")
        target.mkdir(parents=True)
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            archive.extractall(target, filter="data")
    return target


def target(entry, slack: int | None) -> Target:
    if isinstance(entry, str):
        return Target(entry)
    return Target(entry["path"], entry.get("start_line"), entry.get("end_line"), slack)


def queries(entries: list[dict], folder: Path, slack: int | None = None) -> list[Query]:
    """Queries with their existing targets."""
    found = []
    for entry in entries:
        targets = [target(answer, slack) for answer in entry["relevant"] + entry.get("secondary", [])]
        targets = tuple(answer for answer in targets if (folder / answer.path).exists())
        if targets:
            found.append(Query(entry["query"], entry.get("category", "question"), targets))
    return found


def annotations(name: str, folder: Path) -> list[Query]:
    return queries(json.loads((HERE / "annotations" / f"{name}.json").read_text()), folder)


def questions(name: str, folder: Path) -> list[Query]:
    return queries(json.loads((HERE / "questions.json").read_text())[name], folder, SLACK)


def cosqa(folder: Path) -> tuple[list[str], list[str], list[int]]:
    """CoSQA's functions, its 500 test queries, and the number of each query's function."""
    numbers = json.loads((folder / "code_idx_map.txt").read_text())
    functions = sorted(numbers, key=numbers.get)
    rows = json.loads((folder / "cosqa-retrieval-test-500.json").read_text())
    return functions, [row["doc"] for row in rows], [numbers[row["code"]] for row in rows]
