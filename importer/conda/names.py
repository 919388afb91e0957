"""Writes names.txt: what conda-forge publishes of its packages' names on the index for Python.

    python3 -m pip download --no-deps conda-pypi==0.13.1 && python3 names.py conda_pypi-0.13.1-*.whl > names.txt

Only what cannot be guessed is kept: names that differ, and names that are the same but have the form of what is no Python package
(the patterns of facts.toml).
"""

import json
import re
import sys
import tomllib
import zipfile
from pathlib import Path


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def main():
    with zipfile.ZipFile(sys.argv[1]) as z:
        table = json.loads(z.read("conda_pypi/grayskull_pypi_mapping.json"))
    facts = tomllib.loads((Path(__file__).parent / "facts.toml").read_text())
    patterns = [p["match"] for p in facts["pattern"]] + facts["cuda"]["patterns"]
    by_hand = {n for p in facts["project"] for n in p["conda"]} | set(facts["names"])
    names = {}
    for entry in table.values():
        names.setdefault(entry["conda_name"].lower(), set()).add(entry["pypi_name"])
    for conda, index in sorted(names.items()):
        # Some "names" are folders of addresses by hash, from which a recipe took its source.
        index = {n for n in index if not re.fullmatch(r"[0-9a-f]{50,}", n)}
        if conda in by_hand or not index:
            continue
        same = [n for n in index if normal(n) == normal(conda)]
        if not same and len(index) == 1:
            print(conda, *index)
        elif same and any(re.search(p, conda) for p in patterns):
            print(conda, same[0])


main()
