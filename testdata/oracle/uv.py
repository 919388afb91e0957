"""Ask uv and envpack for the same sets of packages of small random indexes, which are served on loopback, and
print where they differ: in whether there is an answer, or in its versions.

    go build ./cmd/envpack && python3 testdata/oracle/uv.py ./envpack $(command -v uv) [COUNT [SEED]]

What an answer is is for the standards; which of several is taken is a matter of taste, so that a difference
is not a mistake in itself. It ends with status 1 if one of them has an answer and the other none.
"""

import hashlib
import http.server
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import threading
import urllib.parse

VERSIONS = ["0.9", "1.0", "1.1", "2.0", "2.0a1", "2.0rc1", "1.0.post1", "1.0+loc", "1.1.dev1", "3.0b1", "3.0"]
SPECIFIERS = (
    " |||>=1.0|<2.0|==1.0|!=1.1|>=2.0a1|<2.0rc1|~=1.0|>1.0|<=2.0|>=2|<2.0a1|>=1.0,<2.0|>0.9|==1.0+loc|==2.0rc1"
    "|>=1.0.post1|<1.0.post1|==1.*|>=3.0b1|<3"
).split("|")


def world(seed):
    """The requirements of a project, and what there is: by name and version, what a release says of itself."""
    rng = random.Random(seed)
    names = ["aa", "bb", "cc", "dd", "ee"][: rng.randint(2, 5)]
    versions = VERSIONS if rng.random() < 0.75 else [v for v in VERSIONS if re.fullmatch(r"[\d.]+(\+loc)?", v)]

    def requirement(among):
        extra = "[x]" if rng.random() < 0.12 else ""
        return rng.choice(among) + extra + rng.choice(SPECIFIERS).strip()

    releases = {}
    for name in names:
        others = [n for n in names if n != name]
        releases[name] = {
            version: {
                "requires": [requirement(others) for _ in range(rng.choice([0, 0, 1, 1, 2]))],
                "extra": [requirement(others)] if rng.random() < 0.3 else [],
                "yanked": rng.random() < 0.05,
                "python": rng.choice([None] * 8 + [">=3.8", ">=3.13", "<3.10"]),
            }
            for version in rng.sample(versions, min(len(versions), rng.randint(1, 4)))
        }
    return [requirement(names) for _ in range(rng.randint(1, 3))], releases


def metadata(name, version, release):
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    if release["python"]:
        lines.append(f"Requires-Python: {release['python']}")
    if release["extra"]:
        lines.append("Provides-Extra: x")
    lines += [f"Requires-Dist: {r}" for r in release["requires"]]
    lines += [f"Requires-Dist: {r} ; extra == 'x'" for r in release["extra"]]
    return ("\n".join(lines) + "\n").encode()


def page(seed, name, releases):
    files = []
    for version, release in releases[name].items():
        file = f"{name}-{version}-py3-none-any.whl"
        entry = {
            "filename": file,
            "url": f"/{seed}/files/{name}/{version}/{file}",
            "hashes": {"sha256": hashlib.sha256(f"{seed} {file}".encode()).hexdigest()},
            "yanked": release["yanked"],
            "core-metadata": {"sha256": hashlib.sha256(metadata(name, version, release)).hexdigest()},
            "upload-time": "2024-03-24T00:00:00Z",
            "size": 100,
        }
        if release["python"]:
            entry["requires-python"] = release["python"]
        files.append(entry)
    return json.dumps({"meta": {"api-version": "1.1"}, "name": name, "files": files}).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        status, kind, body = 404, "text/plain", b"not here"
        seed, what, name, *rest = urllib.parse.unquote(self.path).strip("/").split("/")
        _, releases = world(int(seed))
        if what == "simple" and name in releases:
            status, kind, body = 200, "application/vnd.pypi.simple.v1+json", page(seed, name, releases)
        elif what == "files" and self.path.endswith(".metadata"):
            status, body = 200, metadata(name, rest[0], releases[name][rest[0]])
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # a client that has its answer hangs up on the requests it made ahead


def run(command, folder, env):
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def main():
    envpack, uv = (str(pathlib.Path(p).absolute()) for p in sys.argv[1:3])
    count, first = (int(sys.argv[i]) if len(sys.argv) > i else default for i, default in ((3, 100), (4, 1)))
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_", "ENVPACK_"))}
    same = none = other = wrong = 0
    with tempfile.TemporaryDirectory() as top:
        env["HOME"] = top
        for seed in range(first, first + count):
            requires, _ = world(seed)
            folder = pathlib.Path(top, str(seed))
            folder.mkdir()
            index = f"http://127.0.0.1:{server.server_address[1]}/{seed}/simple/"
            (folder / "in.txt").write_text("\n".join(requires) + "\n")
            (folder / "envpack.toml").write_text(
                f'[project]\nname = "t"\npython = "3.12.0"\ndependencies = {json.dumps(requires)}\n[system]\ndistro = "none"\n'
            )
            status, out, _ = run(
                [uv, "pip", "compile", "-q", "--python", sys.executable, "--no-header", "--no-annotate", "in.txt", "--index-url", index, "--cache-dir", f"{top}/uv"]
                + ["--python-version", "3.12.0", "--python-platform", "x86_64-manylinux_2_28", "--only-binary", ":all:"],
                folder, env,
            )
            theirs = dict(re.findall(r"^([a-z]+)(?:\[.*\])?==(\S+)", out, re.M)) if status == 0 else None
            status, _, errors = run([envpack, "lock", "-q", ".", "--index-url", index, "--cache-dir", "cache"], folder, env)
            ours = None
            if status == 0:
                lock = (folder / "envpack.lock").read_text()
                ours = dict(re.findall(r'\[\[package\]\]\nname = "([^"]+)"\nversion = "([^"]+)"', lock))
            elif status != 4:
                sys.exit(f"seed {seed}: envpack ended with {status}: {errors}")
            if (ours is None) != (theirs is None):
                wrong += 1
            elif ours != theirs:
                other += 1
            elif ours is None:
                none += 1
            else:
                same += 1
            if ours != theirs:
                print(f"seed {seed}: {requires}: uv {theirs}, envpack {ours}")
    print(f"{count} indexes: {same} answers the same, {none} without one, {other} others, {wrong} of which one has an answer")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
