"""The rows of a corpus, and the dependency file that a tool is given of one.

A row has facts of a published repository: repo, commit, as_of (the day), python (X.Y), file (which file says the rest), requirements
and options (lines for pip), conda and channels (of an environment.yml), documented (requirements that only its README or Dockerfile names), imports (modules that
must work). The keys python_pick, documented_extra and import_check are read too.
"""

import json
import re
from pathlib import Path

# What a requirement line needs that is not an index: a git host, another server, or the repository itself.
ELSEWHERE = re.compile(r"(^|[\s@=])((git|hg|svn|bzr)\+|https?://|ftp://|file:)|^(-e|--editable)\b|^[./]")
OPTION = re.compile(r"^(-f|-i|--find-links|--index-url|--extra-index-url|--trusted-host)\b")

VARIANTS = ("stated", "reachable")


def read(path):
    rows = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    for row in rows:
        row.setdefault("python", row.get("python_pick"))
        row.setdefault("imports", row.get("import_check", []))
        row.setdefault("documented", row.get("documented_extra", []))
        for key in ("requirements", "options", "conda", "channels"):
            row.setdefault(key, [])
        row["pip"] = [plain(line) for line in row["requirements"]]
        row["pip"] = row["options"] + [line for line in row["pip"] if line]
    return rows


def plain(line):
    """A line that the corpus marks as being of another syntax, as pip's: "?poetry:NAME SPEC" and "?LINE"."""
    if not line.startswith("?"):
        return line
    text = line[1:].strip()
    if not text.startswith("poetry:"):
        return text
    name, _, spec = text.removeprefix("poetry:").strip().partition(" ")
    if name == "python":
        return ""
    clauses = [poetry(c.strip()) for c in spec.split(",")]
    return name + ",".join(c for c in clauses if c)


def poetry(clause):
    """A clause of Poetry's as one of PEP 440."""
    if clause in ("", "*") or clause[0] in "<>!=":
        return "" if clause == "*" else clause
    version = clause.lstrip("^~")
    numbers = [int(n) for n in re.match(r"\d+(\.\d+)*", version)[0].split(".")]
    if clause[0] not in "^~":
        return "==" + version
    keep = next((i for i, n in enumerate(numbers) if n), len(numbers) - 1) if clause[0] == "^" else min(1, len(numbers) - 1)
    top = numbers[: keep + 1]
    top[-1] += 1
    return f">={version},<{'.'.join(map(str, top))}"


def given(row, variant):
    """(lines for pip, lines that the variant leaves out)."""
    lines = row["pip"] + (row["documented"] if variant == "image" else [])
    if variant == "stated":
        return lines, []
    left = [line for line in lines if ELSEWHERE.search(line) or OPTION.search(line)]
    return [line for line in lines if line not in left], left


def is_option(line):
    return line.startswith("-") and not re.match(r"^(-e|--editable)\b", line)


def write(row, lines, folder):
    """Writes the dependency file as the repository names it, as far as pip and conda have a form for it; gives its path in folder."""
    name = Path(row["file"])
    if name.suffix not in (".yml", ".yaml", ".txt"):
        name = name.with_name("requirements.txt")
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.suffix == ".txt":
        text = lines
    else:
        text = ["channels:", *(f"  - {quoted(c)}" for c in row["channels"]), "dependencies:", *(f"  - {quoted(c)}" for c in row["conda"])]
        if lines:
            text += ["  - pip:", *(f"    - {quoted(line)}" for line in lines)]
    path.write_text("".join(line + "\n" for line in text), encoding="utf-8")
    return name


def quoted(text):
    return json.dumps(text)
