#!/usr/bin/env python3
"""Write the tables and plots of docs/faithfulness.md: python3 benches/faithfulness/page.py NAME=FILE.json …

FILE.json is what `fovea evaluate --format json` printed (benches/faithfulness/run.sh); NAME is the model's mark in the page,
<!-- NAME --> … <!-- /NAME -->. The plot is docs/images/faithfulness-NAME.svg.
"""
import json
import pathlib
import re
import sys

DOCS = pathlib.Path(__file__).parents[2] / "docs"
PAGE = DOCS / "faithfulness.md"


def bare(value, places=3):
    text = f"{value:.{places}f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text


def maybe(value, places=2):
    return "" if value is None else bare(value, places)


def table(found):
    units = found["units"]
    lines = [
        f"{found['model']}: {units} units of {found['files']} files, {found['words']} words, seed {found['seed']}. Measured: {found['measure']}.",
        "",
        "| method | units | comprehensiveness | 95 % interval | over the default | sufficiency | normalized | τ LOO | random weights | ms |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in found["methods"]:
        low, high = row["interval"]
        lead = row["over_default"]
        lead = "" if lead is None else " to ".join(("-" if v < 0 else "+") + bare(abs(v)) for v in lead)
        random = maybe(row["random_weights"]) + (" (survives)" if row["survives_random_weights"] else "")
        lines.append(f"| {row['method']} | {row['units']} | {bare(row['comprehensiveness'])} | {bare(low)} – {bare(high)} | {lead} | "
                     f"{bare(row['sufficiency'])} | {maybe(row['normalized'])} | {bare(row['tau_loo'], 2)} | {random} | {row['ms']:.0f} |")
    lines += ["", "| method | deletion area | insertion area | soft compr. | soft suff. | moved by small edits |",
              "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for row in found["methods"]:
        lines.append(f"| {row['method']} | {bare(row['deletion_area'])} | {bare(row['insertion_area'])} | "
                     f"{maybe(row['soft_comprehensiveness'], 3)} | {maybe(row['soft_sufficiency'], 3)} | {maybe(row['sensitivity'])} |")
    return "\n".join(lines)


def agreement(found):
    names, tau = found["agreement"]["methods"], found["agreement"]["tau"]
    short = [name.replace("integrated-gradients", "int.-gradients") for name in names]
    lines = ["| τ | " + " | ".join(short) + " |", "| --- |" + " ---: |" * len(names)]
    for name, row in zip(short, tau):
        lines.append(f"| {name} | " + " | ".join(maybe(value) for value in row) + " |")
    return "\n".join(lines)


def plot(found):
    """An SVG with a dot and an interval for each method, legible on light and dark pages."""
    rows, width, left, right = found["methods"], 760, 170, 700
    most = max(row["interval"][1] for row in rows) * 1.05
    least = min(0, min(row["interval"][0] for row in rows))
    x = lambda value: left + (value - least) / (most - least) * (right - left)
    height = 26 * len(rows) + 40
    step = next(s for s in (.01, .02, .05, .1, .2, .5, 1, 2, 5) if (most - least) / s <= 7)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
           f'<title>Comprehensiveness by method, {found["model"]}</title>']
    tick = 0.0
    while tick <= most:
        out.append(f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="6" y2="{height - 26}" stroke="#8884"/>'
                   f'<text x="{x(tick):.1f}" y="{height - 8}" text-anchor="middle" fill="#888">{tick:g}</text>')
        tick = round(tick + step, 6)
    for number, row in enumerate(rows):
        y, color = 26 * number + 20, "#888" if row["method"] == "random" else "#2563eb"
        low, high = row["interval"]
        out.append(f'<text x="{left - 12}" y="{y + 4}" text-anchor="end" fill="#888">{row["method"]}</text>'
                   f'<line x1="{x(low):.1f}" x2="{x(high):.1f}" y1="{y}" y2="{y}" stroke="{color}" stroke-width="2"/>'
                   f'<circle cx="{x(row["comprehensiveness"]):.1f}" cy="{y}" r="4.5" fill="{color}"/>'
                   f'<text x="{x(high) + 8:.1f}" y="{y + 4}" fill="#888">{bare(row["comprehensiveness"])}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


def put(page, mark, text):
    page, count = re.subn(f"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", lambda m: f"{m[1]}{text}\n{m[2]}", page, flags=re.S)
    if count != 1:
        sys.exit(f"{PAGE} has no mark for {mark}")
    return page


if __name__ == "__main__":
    page = PAGE.read_text()
    for argument in sys.argv[1:]:
        name, file = argument.split("=", 1)
        found = json.loads(pathlib.Path(file).read_text())
        image = f"images/faithfulness-{name.lower()}.svg"
        (DOCS / image).write_text(plot(found))
        page = put(page, name, f"{table(found)}\n\n![Comprehensiveness by method with its interval, {found['model']}]({image})")
        if f"<!-- {name} AGREEMENT -->" in page:
            page = put(page, f"{name} AGREEMENT", agreement(found))
    PAGE.write_text(page)
