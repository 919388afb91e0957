"""Write which documents packaging.pylock takes as pylock.toml, for lockfile/pylock to agree with.

    PYTHONPATH=DIR python3 testdata/oracle/pylock.py

One document of all there is, and each change of one value in it: left out, of another type, or of a form that is
right or wrong for its key.
"""

import copy
import datetime
import gzip
import json
import pathlib

import packaging
from packaging.pylock import Pylock

WHEEL = {
    "name": "numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.whl", "upload-time": datetime.datetime(2024, 2, 5, 23, tzinfo=datetime.timezone.utc),
    "url": "https://files.example/numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.whl", "size": 3, "hashes": {"sha256": "1" * 64},
}
SDIST = {"name": "numpy-1.26.4.tar.gz", "path": "files/numpy-1.26.4.tar.gz", "hashes": {"sha256": "2" * 64}}
VCS = {"type": "git", "url": "https://git.example/x", "commit-id": "a" * 40, "requested-revision": "main", "subdirectory": "py"}
ARCHIVE = {"url": "https://files.example/x.zip", "size": 1, "hashes": {"sha256": "3" * 64}, "subdirectory": "s"}
WHOLE = {
    "lock-version": "1.0", "environments": ["sys_platform == 'linux'"], "requires-python": ">=3.11", "extras": ["fast"],
    "dependency-groups": ["dev"], "default-groups": ["dev"], "created-by": "tool", "tool": {"a": 1},
    "packages": [
        {"name": "numpy", "version": "1.26.4", "marker": "'dev' in dependency_groups", "requires-python": ">=3.9",
         "dependencies": [{"name": "x"}], "index": "https://wheels.example/simple", "sdist": SDIST, "wheels": [WHEEL],
         "attestation-identities": [{"kind": "GitHub"}], "tool": {"b": 2}},
        {"name": "x", "vcs": VCS},
        {"name": "y", "directory": {"path": ".", "editable": True, "subdirectory": "z"}},
        {"name": "z", "version": "1", "archive": ARCHIVE},
    ],
}
# Values to put anywhere, and to put where a text stands.
ANYWHERE = ["", "text", 1, True, [], ["text"], [1], {}, {"a": "b"}, [{}], [{"kind": "k"}], datetime.datetime(2024, 1, 1), datetime.date(2024, 1, 1)]
TEXTS = [
    "1", "1.0", "1.1", "2.0", "0.9", "1.26.4", "1.26.4+local", "1.26.04", "x.y", ">=3.8,<4", "3.8", "numpy", "Numpy", "num_py", "num--py", "-a", "a.b",
    "sys_platform == 'win32'", "sys_platform = 'win32'", "extra == 'a'", "'a' in extras", "numpy-1.26.4-py3-none-any.whl", "numpy-1.26.5-py3-none-any.whl",
    "numpy-1.26.4.zip", "numpy-1.26.4.tar.bz2", "other-1.26.4.tar.gz", "NumPy-1.26.4-py3-none-any.whl", "numpy-1.26.4-1-py3-none-any.whl",
    "files/numpy-1.26.4-py3-none-any.whl", "files\\numpy-1.26.4.tar.gz", "https://files.example/numpy-1.26.4-py3-none-any.whl#sha256=1",
    "https://files.example/numpy-1.26.4%2Blocal-py3-none-any.whl?x=/y", "numpy-1.26.4-py3-none-any", "a/",
]


def toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, (datetime.date, int)):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"


def document(value):
    return "".join(f"{json.dumps(k)} = {toml(v)}\n" for k, v in value.items())


def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    for key, inner in items:
        yield from places(inner, (*path, key))


def changed(path, change):
    whole = copy.deepcopy(WHOLE)
    at = whole
    for key in path[:-1]:
        at = at[key]
    change(at, path[-1])
    return whole


def documents():
    yield WHOLE
    for path in places(WHOLE):
        if not path:
            continue
        yield changed(path, lambda at, key: at.pop(key))
        old = WHOLE
        for key in path:
            old = old[key]
        for value in ANYWHERE + (TEXTS if isinstance(old, str) else []):
            yield changed(path, lambda at, key: at.__setitem__(key, value))
    for package in range(4):
        for key, value in {"vcs": VCS, "directory": {"path": "."}, "archive": ARCHIVE, "sdist": SDIST, "wheels": [WHEEL], "unknown": 1}.items():
            yield changed(("packages", package), lambda at, i: at[i].__setitem__(key, value))
    # Names that come from path or address.
    for kind, file in ("sdist", SDIST), ("wheels", WHEEL):
        for key in "path", "url":
            for text in TEXTS:
                bare = {"hashes": file["hashes"], key: text}
                yield changed(("packages", 0), lambda at, i: at[i].__setitem__(kind, bare if kind == "sdist" else [bare]))


def verdict(value):
    try:
        Pylock.from_dict(value).validate()
    except Exception:
        return False
    return True


seen, rows = set(), []
for value in documents():
    text = document(value)
    if text not in seen:
        seen.add(text)
        rows.append([text, verdict(value)])
data = {"documents": rows, "packaging": packaging.__version__}
packed = gzip.compress(json.dumps(data, separators=(",", ":")).encode(), 9, mtime=0)
(pathlib.Path(__file__).parent / "pylock.json.gz").write_bytes(packed)
print(f"{len(rows)} documents, {sum(ok for _, ok in rows)} valid, {len(packed)} bytes packed")
