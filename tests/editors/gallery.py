#!/usr/bin/env python3
"""Makes pictures of the views of each editor on three repositories: gallery.py FOVEA CLIENTS EDITORS REPOSITORIES FOLDER [PATTERN]

CLIENTS is the folder `editors` of a checkout: an older one can be shown with its own program. EDITORS is the folder of install.sh.
REPOSITORIES contains the folders that gallery.json names; it also has the file, the word and the query of each picture. FOLDER takes
EDITOR-REPOSITORY-VIEW.webp, scaled for a page; with PATTERN, only the pictures whose name has it are made. A picture of a view that the
client does not have is reported as missing. The script needs Pillow, tmux and chromium. No test compares the pictures.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from PIL import Image

from terminal_editors import HERE, SUBJECTS, Editor, Terminal

WIDTH = 620
QUALITY = 55
ESCAPE = "\x1b"
# Helix would read the byte ESC directly before a key as Alt with that key.
HELIX_ESCAPE = "\x1b[27u"

# The screen that shows that the model has read the file.
READY = {"Neovim": "≈", "Emacs": "≈|Fovea:decomposition [E)]", "Helix": "■"}
# For each view: keys to send once, keys to repeat until the screen shows the pattern, and that pattern.
VIEWS = {
    ("Neovim", "hover"): (ESCAPE + "/\\C{word}\r", "K", r"reads\s+it\s+with|draws on"),
    ("Neovim", "comparison"): (ESCAPE + "/{item}\r", ESCAPE + ":FoveaCompare\r", r"similar 0|cosine 0"),
    ("Neovim", "search"): ("", ESCAPE + ":FoveaSearch {query}\r", r"0\.\d\d.*{found}"),
    ("Emacs", "comparison"): ("", "\x03p", r"pairs best|cosine 0"),
    ("Emacs", "search"): ("\x03s", "\t", r"{found}"),
    ("Helix", "hover"): (HELIX_ESCAPE + "/(?-i:{word})\r", HELIX_ESCAPE + HELIX_ESCAPE + " k", r"reads\s+it\s+with|draws on"),
    ("Helix", "search"): ("", HELIX_ESCAPE + HELIX_ESCAPE + " S{query}", r"{found}"),
}
PICTURES = {
    "Neovim": ["heat-dark", "heat-light", "hover", "comparison", "search"],
    "Emacs": ["heat-dark", "heat-light", "comparison", "search"],
    "Helix": ["heat-dark", "heat-light", "hover", "search"],
}


def shrink(picture, target):
    """Scales a screenshot to the width of a page's column and writes it as WebP."""
    with Image.open(picture) as image:
        image = image.convert("RGB")
        image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS).save(target, quality=QUALITY, method=6)


def drawn(terminal, editor, scratch):
    """A screenshot of a terminal."""
    page, picture = scratch / "screen.html", scratch / "screen.png"
    converter = [sys.executable, str(HERE / "ansi_html.py"), *editor.colors]
    page.write_text(subprocess.run(converter, input=terminal.screen(True), capture_output=True, text=True, check=True).stdout)
    size = f"--window-size={round(terminal.columns * 8.43) + 24},{terminal.rows * 18 + 24}"
    subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={scratch}/chromium",
                    size, f"--screenshot={picture}", f"file://{page}"], capture_output=True, check=True)
    return picture


def settled(terminal):
    """Waits until the screen with its colors does not change for two seconds."""
    seen = []

    def same(_):
        seen.append(terminal.screen(True))
        return len(seen) > 4 and len(set(seen[-5:])) == 1

    terminal.until(same, pause=0.5)


def shoot(editor, view, folder, scratch, home):
    """Starts the editor, goes to the view and takes its picture; None if the view does not appear."""
    with Terminal(editor.command, folder, home, scratch / "cache") as terminal:
        if not terminal.until(lambda screen: re.search(READY[editor.name], screen)):
            print(terminal.screen(), file=sys.stderr)
            return None
        settled(terminal)
        if not view.startswith("heat"):
            once, again, pattern = (part.replace("{", "{{").replace("}", "}}") for part in VIEWS[editor.name, view])
            once, again, pattern = (re.sub(r"{{(\w+)}}", lambda key: editor.subject[key[1]], part) for part in (once, again, pattern))
            if once:
                terminal.keys(once)
            if not terminal.until(lambda screen: re.search(pattern, screen), lambda: terminal.keys(again), patience=25, repeat=3):
                print(terminal.screen(), file=sys.stderr)
                return None
            settled(terminal)
        return drawn(terminal, editor, scratch)


def terminal_pictures(world, scratch, wanted):
    for subject in SUBJECTS:
        repository = subject["repository"]
        folder = copied(world, repository, scratch)
        for name, views in PICTURES.items():
            for view in views:
                picture = f"{name.lower()}-{repository}-{view}"
                if not re.search(wanted, picture):
                    continue
                home = scratch / "homes" / picture
                theme = "light" if view.endswith("light") else "dark"
                made = shoot(Editor(name, world, subject, theme, home), view, folder, scratch, home)
                if made:
                    shrink(made, world.folder / f"{picture}.webp")
                print(f"{picture}: {'made' if made else 'not there'}", flush=True)


def copied(world, repository, scratch):
    """A copy of a repository, with the folder that makes it one, and its index."""
    folder = scratch / repository
    if not folder.exists():
        shutil.copytree(world.repositories / repository, folder)
        (folder / ".git").mkdir(exist_ok=True)
        environment = {**os.environ, "FOVEA_CACHE_DIR": str(scratch / "cache")}
        subprocess.run([world.fovea, "index", str(folder)], env=environment, capture_output=True, check=True)
    return folder


def vscode_shots(world, scratch, script, *arguments, wanted):
    """Runs a script that takes pictures of VS Code; its last arguments are a folder and which pictures are wanted."""
    shots = scratch / "vscode"
    shots.mkdir()
    node = world.editors / "vscode/node/bin/node"
    subprocess.run([node, HERE / "vscode" / script, world.fovea, *arguments, shots, wanted], check=False)
    for picture in sorted(shots.glob("vscode-*.png")):
        shrink(picture, world.folder / f"{picture.stem}.webp")


def vscode_pictures(world, scratch, wanted):
    for subject in SUBJECTS:
        copied(world, subject["repository"], scratch)
    vscode_shots(world, scratch, "gallery.mjs", world.clients, world.editors, scratch, wanted=wanted)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("fovea", "clients", "editors", "repositories", "folder"):
        parser.add_argument(name, type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("pattern", nargs="?", default="")
    world = parser.parse_args()
    world.folder.mkdir(parents=True, exist_ok=True)
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="fovea-gallery-")).resolve()
    try:
        if re.search("vscode", world.pattern) or not re.search("neovim|emacs|helix", world.pattern):
            vscode_pictures(world, scratch, world.pattern)
        terminal_pictures(world, scratch, world.pattern)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
