"""envpack, uv and pip: each is given a row's lines and says what it locked, or why not."""

import re
from dataclasses import dataclass

import judge
import place
import rows

# manylinux tags of 64-bit Intel up to glibc 2.28, and the names that came before them.
PLATFORMS = ["any", *(f"manylinux_2_{n}_x86_64" for n in range(28, 4, -1)), "manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64"]


@dataclass
class Answer:
    status: str          # locked, not (with a cause), wrong (a lock that does not hold), or nothing (to lock)
    why: str = ""
    packages: int = 0
    seconds: float = 0

    def cell(self):
        return str(self.packages) if self.status == "locked" else "-" if self.status == "nothing" else self.status


class Tools:
    def __init__(self, args):
        self.args = args

    def _run(self, cmd, folder, sandbox=False, **env):
        return place.run(cmd, folder, self.args.limit, sandbox, (), place.environment(**env))

    def _judged(self, read, lines, row, dated, seconds):
        try:
            found = read()
            wrong = judge.problems(found, lines, row, dated)
        except (ValueError, KeyError, OSError) as e:
            return Answer("wrong", f"{type(e).__name__}: {e}", 0, seconds)
        return Answer("wrong" if wrong else "locked", "; ".join(wrong[:3]), len(found), seconds)

    def envpack(self, row, lines, folder, *lock, missing=False):
        """import, lock and export, in the folder; lock has further flags. missing: a file of the project imports the row's modules, and what nothing
        declares of them is added."""
        if not any(not rows.is_option(line) for line in lines) and not row["conda"]:
            return Answer("nothing")
        source = rows.write(row, lines, folder)
        what = [source]
        if missing:
            (folder / "experiment.py").write_text("".join(f"import {name}\n" for name in row["imports"]))
            what = [".", "--add-missing", "--file", source]
        steps = [["import", *what, "-o", "envpack.toml", "--force", "--as-of", row["as_of"], "--python", row["python"]],
                 ["lock", *lock], ["export", "pylock", "-o", "pylock.toml"]]
        took = 0
        for words in steps:
            done = self._run([self.args.envpack, *words], folder)
            took += done.seconds
            name = "repair" if words[0] == "lock" and "--repair" in lock else words[0]
            (folder / f"{name}.log").write_text(done.out + done.err)
            if done.late or done.code:
                return Answer("not", f"{words[0]}: " + ("over the limit of time" if done.late else cause(done.err)), 0, took)
        lines = [line for line in lines if not rows.is_option(line)]
        return self._judged(lambda: judge.pylock((folder / "pylock.toml").read_text(), row["python"]), lines, row, True, took)

    def uv(self, row, lines, folder):
        """uv pip compile as of the day; of uv's the lines for pip only, since it reads no conda files."""
        if not any(not rows.is_option(line) for line in lines):
            return Answer("nothing")
        (folder / "requirements.in").write_text("".join(line + "\n" for line in lines))
        day = judge.end_of(row["as_of"]).strftime("%Y-%m-%dT%H:%M:%SZ")
        done = self._run([self.args.uv, "pip", "compile", "requirements.in", "-o", "pylock.toml", "--generate-hashes", "--quiet", "--no-header",
                          "--exclude-newer", day, "--python-version", row["python"], "--python-platform", "x86_64-manylinux_2_28",
                          "--cache-dir", "cache"], folder, True)
        if done.late or done.code:
            return Answer("not", "over the limit of time" if done.late else cause(done.err), 0, done.seconds)
        lines = [line for line in lines if not rows.is_option(line)]
        return self._judged(lambda: judge.pylock((folder / "pylock.toml").read_text(), row["python"]), lines, row, True, done.seconds)

    def pip(self, row, lines, folder):
        """pip install --dry-run of today, which takes what the index has today, and wheels only, as it must for another Python than its own."""
        if not any(not rows.is_option(line) for line in lines):
            return Answer("nothing")
        (folder / "requirements.in").write_text("".join(line + "\n" for line in lines))
        cmd = [self.args.python, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--no-input", "--disable-pip-version-check",
               "--use-feature", "fast-deps", "--report", "report.json", "--target", "target", "--only-binary", ":all:", "--src", "src",
               "--cache-dir", "cache", "--python-version", row["python"], "-r", "requirements.in"]
        for name in PLATFORMS:
            cmd += ["--platform", name]
        done = self._run(cmd, folder, True)
        if done.late or done.code:
            return Answer("not", "over the limit of time" if done.late else cause(done.err or done.out), 0, done.seconds)
        lines = [line for line in lines if not rows.is_option(line)]
        return self._judged(lambda: judge.report((folder / "report.json").read_text()), lines, row, False, done.seconds)


def cause(text):
    """The line of a tool's output that says what failed, without hosts and folders."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if re.match(r"(error\b(?!: subprocess)|×|╰─▶|envpack: (?!warning)|ModuleNotFoundError|fatal)", line, re.IGNORECASE)]
    found = " ".join(telling[:2]) or (lines[-1] if lines else "no output")
    found = re.sub(r"\b([\w+]+)://[^/\s'\"`)]+", r"\1://HOST", found)
    return re.sub(r"(?<![\w.:/])/(?:[\w.+-]+/)+", "", found)[:240]
