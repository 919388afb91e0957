"""Writes stdlib.txt: which modules Python's standard library has, and in which versions.

usage: generate.py LISTS [PYTHON...] > stdlib.txt

LISTS is the folder stdlib_list/lists of the package stdlib-list, whose lists come from Python's documentation and, from 3.10 on,
from sys.stdlib_module_names. Each PYTHON is an interpreter whose own files are added: the lists of versions before 3.10 lack
modules that are not documented.
"""

import pathlib
import subprocess
import sys

VERSIONS = ["2.7", *(f"3.{n}" for n in range(4, 15))]
LIST = r"""
import os, sys
names = set(sys.builtin_module_names) | set(getattr(sys, "stdlib_module_names", ()))
lib = os.path.dirname(os.__file__)
for folder in (lib, os.path.join(lib, "lib-dynload")):
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name.endswith((".py", ".so")) or os.path.exists(os.path.join(path, "__init__.py")):
            names.add(name.split(".")[0])
names -= {"site-packages", "__phello__", "sitecustomize"}
print("%d.%d" % sys.version_info[:2])
print("\n".join(sorted(n for n in names if n.replace("_", "a").isalnum() and not n.startswith("_sysconfigdata"))))
"""


def main():
    have = {}
    for version in VERSIONS:
        text = (pathlib.Path(sys.argv[1]) / f"{version}.txt").read_text()
        for line in text.split():
            have.setdefault(line.split(".")[0], set()).add(version)
    for python in sys.argv[2:]:
        version, *names = subprocess.run([python, "-c", LIST], capture_output=True, text=True, check=True).stdout.split()
        for name in names:
            have.setdefault(name, set()).add(version)
    print("# Written by generate.py. A module of the standard library, and the versions of Python that have it; 3.4 stands for all before.")
    for name in sorted(have):
        print(name, spans(have[name]))


def spans(versions):
    """Runs of versions, as 2.7-3.11 or 3.7-."""
    runs = []
    for i, version in enumerate(VERSIONS):
        if version not in versions:
            continue
        if runs and runs[-1][1] == i - 1:
            runs[-1][1] = i
        else:
            runs.append([i, i])
    out = []
    for a, b in runs:
        if b == len(VERSIONS) - 1:
            out.append(VERSIONS[a] + "-")
        elif a == b:
            out.append(VERSIONS[a])
        else:
            out.append(f"{VERSIONS[a]}-{VERSIONS[b]}")
    return " ".join(out)


main()
