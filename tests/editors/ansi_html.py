#!/usr/bin/env python3
"""Converts a terminal's screen with colors (tmux capture-pane -e) on stdin to an HTML page: ansi_html.py [BACKGROUND FOREGROUND]"""

import html
import re
import sys

STEPS = (0, 95, 135, 175, 215, 255)
BASE = "000000 cd0000 00cd00 cdcd00 3b78ff cd00cd 00cdcd e5e5e5 7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff".split()


def indexed(number):
    if number < 16:
        return "#" + BASE[number]
    if number < 232:
        number -= 16
        return "#%02x%02x%02x" % (STEPS[number // 36], STEPS[number // 6 % 6], STEPS[number % 6])
    return "#" + "%02x" % (8 + 10 * (number - 232)) * 3


def color(numbers):
    """The color after 38 or 48: either 2, red, green, blue, or 5 and an index."""
    kind = next(numbers)
    if kind == 2:
        return "#%02x%02x%02x" % (next(numbers), next(numbers), next(numbers))
    return indexed(next(numbers))


OFF = {22: "font-weight", 23: "font-style", 24: "text-decoration", 27: "filter", 39: "color", 49: "background"}


def apply(style, sequence):
    """Changes the style by one escape sequence."""
    # A colon joins the parts of one code: 4:3 is a curly underline, not an underline and italics.
    groups = iter([[int(number or 0) for number in group.split(":")] for group in sequence.split(";")])
    for group in groups:
        code = group[0]
        if code == 0:
            style.clear()
        elif code in (38, 48, 58):
            rest = [number for number in group[1:]] if len(group) > 1 else None
            if rest and rest[0] == 2 and len(rest) == 5:
                del rest[1]
            value = color(iter(rest) if rest else (number for following in groups for number in following))
            if code != 58:
                style["color" if code == 38 else "background"] = value
        elif code in OFF:
            style.pop(OFF[code], None)
        elif 30 <= code <= 37 or 90 <= code <= 97:
            style["color"] = indexed(code - 30 if code < 90 else code - 82)
        elif 40 <= code <= 47 or 100 <= code <= 107:
            style["background"] = indexed(code - 40 if code < 100 else code - 92)
        elif code == 1:
            style["font-weight"] = "bold"
        elif code == 3:
            style["font-style"] = "italic"
        elif code == 4 and group[1:] != [0]:
            style["text-decoration"] = "underline"
        elif code == 7:
            style["filter"] = "invert(1)"


def main():
    style = {}
    background, foreground = sys.argv[1:3] if len(sys.argv) > 2 else ("#1c1c1c", "#bcbcbc")
    print(f"<!doctype html><meta charset=utf-8><style>body{{margin:12px;background:{background};color:{foreground}}}")
    # Cells are as high as lines, so that there are no stripes between the backgrounds of two lines.
    print("span{display:inline-block;height:18px;vertical-align:top}")
    print("pre{font:14px/18px 'DejaVu Sans Mono',monospace;margin:0}</style><pre>", end="")
    for part in re.split(r"(\x1b\[[0-9;:]*m)", sys.stdin.read()):
        if part.startswith("\x1b["):
            apply(style, part[2:-1])
        elif part:
            css = ";".join(f"{name}:{value}" for name, value in style.items())
            text = html.escape(re.sub(chr(27) + "[^m]*?[A-Za-z]", "", part))
            print("\n".join(f'<span style="{css}">{line}</span>' if line else "" for line in text.split("\n")), end="")
    print("</pre>")


if __name__ == "__main__":
    main()
