#!/usr/bin/env python3
"""A terminal's screen with its colours (tmux capture-pane -e) on stdin → an HTML page on stdout."""

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


def apply(style, codes):
    """Changes the style by the numbers of one escape sequence."""
    codes = iter(codes)
    for code in codes:
        if code == 0:
            style.clear()
        elif code in (38, 48):
            name = "color" if code == 38 else "background"
            kind = next(codes)
            if kind == 2:
                style[name] = "#%02x%02x%02x" % (next(codes), next(codes), next(codes))
            else:
                style[name] = indexed(next(codes))
        elif code in (39, 49):
            style.pop("color" if code == 39 else "background", None)
        elif 30 <= code <= 37 or 90 <= code <= 97:
            style["color"] = indexed(code - 30 if code < 90 else code - 82)
        elif 40 <= code <= 47 or 100 <= code <= 107:
            style["background"] = indexed(code - 40 if code < 100 else code - 92)
        elif code == 1:
            style["font-weight"] = "bold"
        elif code == 3:
            style["font-style"] = "italic"
        elif code == 7:
            style["filter"] = "invert(1)"
        elif code in (22, 23, 27):
            style.pop({22: "font-weight", 23: "font-style", 27: "filter"}[code], None)


def main():
    style = {}
    print("<!doctype html><meta charset=utf-8><style>body{margin:12px;background:#1c1c1c;color:#bcbcbc}")
    print("pre{font:14px/18px 'DejaVu Sans Mono',monospace;margin:0}</style><pre>", end="")
    for part in re.split(r"(\x1b\[[0-9;:]*m)", sys.stdin.read()):
        if part.startswith("\x1b["):
            apply(style, [int(code or 0) for code in re.split("[;:]", part[2:-1])])
        elif part:
            css = ";".join(f"{name}:{value}" for name, value in style.items())
            print(f'<span style="{css}">{html.escape(re.sub(chr(27) + "[^m]*?[A-Za-z]", "", part))}</span>', end="")
    print("</pre>")


if __name__ == "__main__":
    main()
