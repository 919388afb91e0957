"""The table: a line per row and variant, then the sums, then causes."""

from collections import Counter

import rows

HEAD = ["repository", "day", "Python", "variant", "envpack", "uv", "pip", "image"]


def text(all_rows, variants, found, markdown):
    lines, notes = [], []
    for row in all_rows:
        for variant in variants:
            get = lambda step: found.get((row["repo"], variant, step))
            lock, repair = get("lock"), get("repair")
            image = found.get((row["repo"], "image", "image")) if variant == variants[-1] else None
            mine = cell(repair) + " repaired" if repair and repair["status"] == "locked" else cell(lock)
            lines.append([row["repo"], row["as_of"], row["python"], variant, mine, cell(get("uv")), cell(get("pip")), image["status"] if image else ""])
            for step, r in (("lock", lock), ("repair", repair), ("image", image)):
                if r and r["status"] in ("not", "wrong", "fails", "no image", "no lock"):
                    notes.append(f"{row['repo']} ({variant}), {step}: {r['why']}")
    out = [grid(HEAD, lines, markdown), "", grid(["variant", "rows", *SUMS], [sums(all_rows, v, found) for v in variants], markdown)]
    if notes:
        out += ["", *(("- " if markdown else "") + n for n in notes)]
    return "\n".join(out)


SUMS = ["lines left out", "no such Python", "envpack", "with --repair", "uv", "pip", "images made", "import"]


def sums(all_rows, variant, found):
    names = [r["repo"] for r in all_rows]
    status = lambda step, v=variant: Counter(found[n, v, step]["status"] for n in names if (n, v, step) in found)
    images = status("image", "image")
    locked = status("lock")["locked"]
    left = sum(len(rows.given(r, variant)[1]) for r in all_rows)
    without = sum("no base has a Python" in found[n, variant, "lock"]["why"] for n in names if (n, variant, "lock") in found)
    return [variant, len(names), left, without, locked, locked + status("repair")["locked"], status("uv")["locked"], status("pip")["locked"],
            images["imports"] + images["fails"], images["imports"]]


def cell(r):
    """How many packages were locked, or what came in place of that."""
    if not r:
        return ""
    return {"locked": str(r["packages"]), "nothing": "nothing to lock"}.get(r["status"], r["status"])


def grid(head, lines, markdown):
    lines = [[str(c) for c in line] for line in lines]
    if markdown:
        bar = lambda cells: "| " + " | ".join(cells) + " |"
        return "\n".join([bar(head), bar(["---"] * len(head)), *map(bar, lines)])
    widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip() for line in [head, ["-" * w for w in widths], *lines])
