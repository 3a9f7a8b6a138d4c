#!/usr/bin/env python3
"""Kills servers while they write to the same index: kill_servers.py FOVEA FOLDER [ROUNDS]

In each round, two servers index a copy of FOLDER into one cache folder while files change. At a random moment, the script kills one or
both servers with SIGKILL. After each round, `fovea doctor` must find no damage. At the end, a search updates the index once more; the
index must then contain the same items as a new one. The script prints a line every ten rounds and a summary. It exits with code 1 if it
found damage or a difference.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def frame(message):
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def server(fovea, root, environment):
    process = subprocess.Popen(
        [fovea, "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "processId": os.getpid(),
            "rootUri": root.as_uri(),
            "capabilities": {},
            "initializationOptions": {"index.onBattery": True},
        },
    }
    process.stdin.write(frame(hello))
    process.stdin.write(frame({"jsonrpc": "2.0", "method": "initialized", "params": {}}))
    process.stdin.flush()
    return process


def change(root, files, chance):
    """Edits, renames, renames back or touches up to eight random files."""
    for path in chance.sample(files, min(8, len(files))):
        what = chance.randrange(4)
        moved = path.with_name(path.stem + "_moved" + path.suffix)
        if what == 0 and path.exists():
            with path.open("a", encoding="utf-8", errors="surrogateescape") as file:
                file.write(f"\n\n# {chance.random()}\ndef added_{chance.randrange(10**6)}(value):\n    return value * {chance.random()}\n")
        elif what == 1 and path.exists():
            path.rename(moved)
        elif what == 2 and moved.exists():
            moved.rename(path)
        elif path.exists():
            os.utime(path)


def doctor(fovea, environment):
    run = subprocess.run([fovea, "doctor"], env=environment, capture_output=True, text=True)
    return run.returncode, run.stdout + run.stderr


def items(fovea, root, environment):
    """All items of the index as sorted lines, from a search without a limit."""
    command = [fovea, "search", "value", "--root", root, "--top", "1000000", "--format", "json"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return sorted(json.dumps([item[key] for key in ("path", "name", "start", "end")]) for item in json.loads(run.stdout))


def main():
    fovea, folder = str(Path(sys.argv[1]).resolve()), Path(sys.argv[2]).resolve()
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 50
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as scratch:
        root, cache = Path(scratch, "source"), Path(scratch, "cache")
        shutil.copytree(folder, root, symlinks=True, ignore=shutil.ignore_patterns(".git", "target"))
        files = sorted(path for path in root.rglob("*") if path.suffix in (".py", ".rs", ".md", ".js") and path.is_file())
        environment = dict(os.environ, FOVEA_CACHE_DIR=str(cache))
        broken = 0
        for number in range(rounds):
            servers = [server(fovea, root, environment) for _ in range(2)]
            end = time.monotonic() + chance.uniform(0.1, 2.5)
            while time.monotonic() < end:
                change(root, files, chance)
                time.sleep(0.05)
            for process in chance.sample(servers, chance.choice((1, 2, 2))):
                process.send_signal(signal.SIGKILL)
            time.sleep(chance.uniform(0, 0.2))
            for process in servers:
                process.kill()
                process.wait()
            code, said = doctor(fovea, environment)
            if code != 0:
                broken += 1
                print(f"round {number}: `fovea doctor` exits with {code}:\n{said}")
            if number % 10 == 9:
                print(f"{number + 1} rounds", flush=True)
        kept = items(fovea, root, environment)
        fresh = items(fovea, root, dict(os.environ, FOVEA_CACHE_DIR=str(Path(scratch, "fresh"))))
        lost = len(set(fresh) - set(kept)), len(set(kept) - set(fresh))
        print(f"{rounds} rounds, {broken} with damage; {len(kept)} items, {lost[0]} missing, {lost[1]} extra")
        sys.exit(1 if broken or any(lost) or not kept else 0)


if __name__ == "__main__":
    main()
