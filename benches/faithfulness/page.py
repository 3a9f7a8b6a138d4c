#!/usr/bin/env python3
"""Put the tables of docs/faithfulness.md: python3 benches/faithfulness/page.py NAME=FILE.json …

FILE.json is what benches/faithfulness/run.sh printed; NAME is the model's mark in the page, <!-- NAME --> … <!-- /NAME -->.
"""
import json
import pathlib
import re
import sys

PAGE = pathlib.Path(__file__).parents[2] / "docs/faithfulness.md"


def table(found):
    bare = lambda value, places=3: f"{value:.{places}f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.{places}f}"
    maybe = lambda value: "" if value is None else bare(value, 2)
    lines = [
        f"{found['model']}: {found['units']} units of {found['files']} files, {found['words']} words, seed {found['seed']}.",
        "",
        "| method | comprehensiveness | 95 % interval | over the default | normalized | sufficiency | τ LOO | random weights | ms |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in found["methods"]:
        low, high = row["interval"]
        lead = row["over_default"]
        lead = "" if lead is None else " to ".join(("-" if v < 0 else "+") + bare(abs(v)) for v in lead)
        random = maybe(row["random_weights"]) + (" (survives)" if row["survives_random_weights"] else "")
        lines.append(f"| {row['method']} | {bare(row['comprehensiveness'])} | {bare(low)} – {bare(high)} | {lead} | "
                     f"{maybe(row['normalized'])} | {bare(row['sufficiency'])} | {bare(row['tau_loo'], 2)} | {random} | {row['ms']:.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    page = PAGE.read_text()
    for argument in sys.argv[1:]:
        name, file = argument.split("=", 1)
        found = table(json.loads(pathlib.Path(file).read_text()))
        page, count = re.subn(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", lambda m: f"{m[1]}{found}\n{m[2]}", page, flags=re.S)
        if count != 1:
            sys.exit(f"{PAGE} has no mark for {name}")
    PAGE.write_text(page)
