#!/usr/bin/env python3
"""Locks published experiments with envpack, uv and pip, builds their images and imports what must work; prints a table.

Each row is given to the tools as it is stated, and as far as it can be reached: without lines that need a git host, another index than the
default one, or the repository itself. A row whose Python no base has is counted apart. With --work a run that was stopped goes on.
"""

import argparse
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import images
import place
import rows
import table
import tools


def arguments():
    here = Path(__file__).parent
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("corpus", nargs="?", type=Path, default=here / "corpus.jsonl")
    p.add_argument("--repo", action="append", default=[], help="only rows whose name has this in it; may be repeated")
    p.add_argument("--steps", default="lock,repair,uv,pip,image", help="of lock, repair, uv, pip and image (default: %(default)s)")
    p.add_argument("--variants", default=",".join(rows.VARIANTS))
    p.add_argument("--envpack", default=shutil.which("envpack") or "envpack")
    p.add_argument("--uv", default="uv")
    p.add_argument("--python", default=sys.executable, help="a Python whose pip is run")
    p.add_argument("--work", type=Path, default=Path("experiments"), help="where the rows' files go, and results.jsonl")
    p.add_argument("--limit", type=float, default=300, help="seconds a command; a build has three times that (default: %(default)s)")
    p.add_argument("--store-limit", metavar="SIZE", help="prune envpack's store to this size, as 20GB, after each row")
    p.add_argument("--flag", action="append", default=[], help="a further flag of envpack lock, as --flag=--no-scan; may be repeated")
    p.add_argument("--images", type=Path, help="where images are unpacked (default: in --work)")
    p.add_argument("--again", action="store_true", help="do again what failed before")
    p.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    args = p.parse_args()
    args.envpack = shutil.which(args.envpack) or sys.exit(f"{args.envpack}: no such program")
    args.work = args.work.resolve()
    args.work.mkdir(parents=True, exist_ok=True)
    return args


class Results:
    """What was found so far, a line each, so that a run may be stopped."""

    def __init__(self, path, again):
        self.path, self.found = path, {}
        if path.exists():
            for line in path.read_text().splitlines():
                r = json.loads(line)
                self.found[r["repo"], r["variant"], r["step"]] = r
        if again:
            self.found = {k: r for k, r in self.found.items() if r["status"] in ("locked", "imports", "nothing")}

    def get(self, row, variant, step, make):
        key = row["repo"], variant, step
        if key not in self.found:
            self.found[key] = {"repo": row["repo"], "variant": variant, "step": step, **make()}
            with self.path.open("a") as f:
                f.write(json.dumps(self.found[key], ensure_ascii=False) + "\n")
            r = self.found[key]
            print(f"{row['repo']:42} {variant:9} {step:7} {r['seconds']:6.1f}s {r['status']} {r['why']}", file=sys.stderr, flush=True)
        return self.found[key]


def one(args, row, variant, results):
    lines, left = rows.given(row, variant)
    if variant == "reachable" and not left:     # the same lines: the same answers
        for step in args.steps.split(","):
            if (row["repo"], "stated", step) in results.found:
                results.found[row["repo"], variant, step] = results.found[row["repo"], "stated", step]
    folder = args.work / row["repo"].replace("/", "__") / variant
    folder.mkdir(parents=True, exist_ok=True)
    run = tools.Tools(args)
    steps = args.steps.split(",")
    if "lock" in steps:
        locked = results.get(row, variant, "lock", lambda: asdict(run.envpack(row, lines, folder, *args.flag)))
        if "repair" in steps and locked["status"] == "not":
            results.get(row, variant, "repair", lambda: asdict(run.envpack(row, lines, folder, "--repair", *args.flag)))
    for name in ("uv", "pip"):
        if name in steps:
            own = folder / name
            own.mkdir(exist_ok=True)
            results.get(row, variant, name, lambda: asdict(getattr(run, name)(row, lines, own)))
            for left_over in ("cache", "target", "src"):
                shutil.rmtree(own / left_over, ignore_errors=True)


def image(args, row, results):
    """The image is of all that the repository says, README included, and of what the modules need that nothing declares."""
    folder = args.work / row["repo"].replace("/", "__") / "image"
    folder.mkdir(parents=True, exist_ok=True)
    run = tools.Tools(args)

    def make():
        lines, _ = rows.given(row, "image")
        answer = run.envpack(row, lines, folder, *args.flag, missing=True)
        if answer.status == "not":
            repaired = run.envpack(row, lines, folder, "--repair", *args.flag, missing=True)
            answer = answer if repaired.status == "not" else repaired
        if answer.status != "locked":
            return {"status": "no lock", "why": answer.why, "packages": 0, "seconds": answer.seconds}
        status, why = images.check(args, row, folder)
        return {"status": status, "why": why, "packages": answer.packages, "seconds": answer.seconds}

    results.get(row, "image", "image", make)


def main():
    args = arguments()
    all_rows = [r for r in rows.read(args.corpus) if not args.repo or any(name in r["repo"] for name in args.repo)]
    results = Results(args.work / "results.jsonl", args.again)
    for row in all_rows:
        for variant in args.variants.split(","):
            one(args, row, variant, results)
        if "image" in args.steps.split(","):
            image(args, row, results)
        if args.store_limit:
            place.run([args.envpack, "cache", "prune", "--max-size", args.store_limit], args.work, args.limit, False)
    print(table.text(all_rows, args.variants.split(","), results.found, args.markdown))


if __name__ == "__main__":
    main()
