"""rebuild.py IMAGE LOCK STORE [LARGEST]: a second implementation of docs/format.md, written from it and
not from the code, makes again what the lock and the image say.

IMAGE is an oci-archive of one platform, LOCK its sealed envpack.lock, STORE the store it was built with.
Held to what is written are: the lock's form, the seal's inputs, the projection, the config, the manifest,
and the bytes of all layers but those of debs and of an interpreter; of wheels' layers, of those of at most
LARGEST bytes of wheels (1,000,000): Python takes a second for some 100 kB that the encoder is given.

It does not do: two platforms at once, images that stand on another, the .data folders of wheels, false
RECORDs, paths that wheels share. One of them ends it. Python 3.11, its standard library alone.
"""

import base64
import configparser
import csv
import gzip
import hashlib
import io
import json
import re
import struct
import sys
import tarfile
import tomllib
import zipfile
import zlib

from frozen import Encoder, last_block

FAILED = []
sha = lambda data: hashlib.sha256(data).hexdigest()


def check(what, got, want):
    print(what, "same" if got == want else f"DIFFERENT: {got!r:.300}, not {want!r:.300}")
    if got != want:
        FAILED.append(what)


# Section 1: the lock.

SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
TABLES = {
    "project": "name manifest groups without-groups as-of unscanned requires",
    "image": "command ports volumes user workdir include",
    "target": "platform python abi glibc musl",
    "index": "name url path format variant",
    "base": "distro codename format reference as-of",
    "base.archive": "name url",
    "base.release": "archive suite date valid-until inrelease keys",
    "base.deb": "name version architecture archive path sha256 size system targets",
    "base.image": "target digest config created python user-id",
    "base.image.layer": "digest diff-id size media-type",
    "base.interpreter": "target version archive path sha256 size",
    "package": "name version index url path git revision commit subdirectory tree yanked own-layer targets requires",
    "package.file": "name sha256 size hashed uploaded targets build",
    "package.source": "name sha256 size hashed uploaded",
    "package.file.kernels": "library code fault",
    "file": "to url path sha256 size hashed executable targets",
    "build": "id target",
    "build.patch": "path sha256",
    "build.added": "name reason",
    "build.deb": "name version architecture archive path sha256 size",
    "choice": "kind name value target reason",
    "seal": "platform environment project image",
    "seal.layer": "name kind inputs digest diff-id size with",
}


stamp = lambda time: time.strftime("%Y-%m-%dT%H:%M:%SZ")


def quote(text):
    escape = lambda c: SHORT.get(c) or (f"\\u{ord(c):04X}" if c < " " or c == "\x7f" else c)
    return '"' + "".join(map(escape, text)) + '"'


def encode(lock):
    """The canonical form of a lock whose lists are sorted already."""
    out = ["# Made by envpack. Not to be edited by hand; keep it in version control.", "format = 1"]

    def line(key, value):
        if isinstance(value, list) and len(value) > 1:
            out.extend([f"{key} = [", *(f"    {quote(v)}," for v in value), "]"])
        elif isinstance(value, list) and value:
            out.append(f"{key} = [{quote(value[0])}]")
        elif value is True:
            out.append(f"{key} = true")
        elif isinstance(value, str) and value:
            out.append(f"{key} = {quote(value)}")
        elif isinstance(value, int) and value:
            out.append(f"{key} = {value}")
        elif hasattr(value, "strftime"):
            out.append(f"{key} = {stamp(value)}")

    def table(name, value, many=True):
        out.extend(["", f"[[{name}]]" if many else f"[{name}]"])
        for key in TABLES[name].split():
            line(key, value.get(key))

    table("project", lock["project"], False)
    table("image", lock["image"], False)
    def strings(name, values):
        if values:
            out.extend(["", f"[{name}]"])
            for key, value in sorted(values.items()):
                line(key if re.fullmatch("[A-Za-z0-9_-]+", key) else quote(key), value)

    for name in "env", "labels":
        strings(f"image.{name}", lock["image"].get(name))
    for name in "target", "index":
        for value in lock.get(name, []):
            table(name, value)
    table("base", lock["base"], False)
    for name in "archive", "release", "deb", "image", "interpreter":
        for value in lock["base"].get(name, []):
            table("base." + name, value)
            for inner in value.get("layer", []):
                table("base.image.layer", inner)
    def package(name, value):
        table(name, value)
        for file in value.get("file", []):
            table(f"{name}.file", file)
            for kernels in file.get("kernels", []):
                table("package.file.kernels", kernels)
        for source in value.get("source", []):
            table(f"{name}.source", source)

    TABLES["build.package"] = TABLES["package"]
    for part in "file", "source":
        TABLES["build.package." + part] = TABLES["package." + part]
    for value in lock.get("package", []):
        package("package", value)
    for value in lock.get("file", []):
        table("file", value)
    for value in lock.get("build", []):
        table("build", value)
        strings("build.env", value.get("env"))
        for part in "patch", "added", "deb":
            for inner in value.get(part, []):
                table(f"build.{part}", inner)
        for inner in value.get("package", []):
            package("build.package", inner)
    for name, part in ("choice", ""), ("seal", "layer"):
        for value in lock.get(name, []):
            table(name, value)
            for inner in value.get(part, []):
                table(f"{name}.{part}", inner)
    return ("\n".join(out) + "\n").encode()


# Section 4: the projection, as a lock.

def project(lock, platform):
    here = lambda list: [{**v, "targets": [platform]} for v in list if platform in v["targets"]]

    def edges(list):
        for edge in list:
            name, _, where = edge.partition("; ")
            if not where or platform in where.split(", "):
                yield re.split("[<>=!~]", name)[0]

    without = lambda value, *keys: {k: v for k, v in value.items() if k not in keys}
    builds = {b["id"]: b for b in lock.get("build", []) if b["target"] == platform}
    used = set()

    def use(packages):
        for id in {f["build"] for p in packages for f in p["file"] if f.get("build") in builds} - used:
            used.add(id)
            use(builds[id].get("package", []))

    def plain(p, files):
        sources = [without(s, "hashed") for s in p.get("source", [])]
        return {**p, "revision": "", "file": files, "source": sources if any("build" in f for f in files) else []}

    packages = []
    for p in lock.get("package", []):
        if files := here(p["file"]):
            files = [without(f, "hashed", "kernels", *([] if f.get("build") in builds else ["build"])) for f in files]
            packages.append({**plain(p, files), "requires": [*edges(p.get("requires", []))]})
    use(packages)
    builds = [{
        **b, "added": [without(a, "reason") for a in b.get("added", [])],
        "package": [plain(p, [without(f, "hashed") for f in p["file"]]) for p in b.get("package", [])],
    } for b in builds.values() if b["id"] in used]
    sources = packages + [p for b in builds for p in b["package"]]
    debs = here(lock["base"].get("deb", []))
    choices = [c for c in lock.get("choice", []) if c["kind"] not in ("record", "as-of", "cuda") and c.get("target", platform) == platform]
    own = {(c["kind"], c["name"]) for c in choices if "target" in c}
    base = {k: v for k, v in lock["base"].items() if k not in ("release", "as-of")}
    return {
        "project": {"name": lock["project"]["name"], "requires": [*edges(lock["project"].get("requires", []))]},
        "image": lock["image"],
        "target": [t for t in lock["target"] if t["platform"] == platform],
        "index": [i for i in lock.get("index", []) if any(p.get("index") == i["name"] for p in sources)],
        "base": base | {
            "deb": debs,
            "archive": [a for a in base.get("archive", []) if any(d["archive"] == a["name"] for d in debs)],
            **{k: [i for i in base.get(k, []) if i["target"] == platform] for k in ("image", "interpreter")},
        },
        "package": packages,
        "build": builds,
        "file": [{k: v for k, v in f.items() if k != "hashed"} for f in here(lock.get("file", []))],
        "choice": [{k: c.get(k) for k in ("kind", "name", "value")} for c in choices
                   if "target" in c or (c["kind"], c["name"]) not in own],
    }


# Sections 3 and 5: groups of wheels, and inputs.

def groups(packages):
    named, bins = [], {}
    for p in sorted(packages, key=lambda p: p["name"]):
        if p.get("own-layer"):
            named.append((f"{p['name']} {p['version']}", [p]))
        else:
            bins.setdefault(hashlib.sha256(p["name"].encode()).digest()[-1] % 32, []).append(p)
    return named + [(f"wheels {n:02}", bins[n]) for n in sorted(bins)]


def inputs(*facts):
    return sha("".join(f + "\n" for f in facts).encode())


# Sections 6 and 7: tar, gzip and splicing. An entry is (kind, mode, link, content), and the number of its
# owner, if that is not 0; a content is bytes, or the method, the compressed bytes and the bytes of a wheel's member.

def block(name, mode, size, kind, link, prefix, owner=0):
    octal = lambda v, n: b"%0*o\0" % (n - 1, v)
    head = name.ljust(100, b"\0") + octal(mode, 8) + octal(owner, 8) + octal(0, 8) + octal(size, 12) + octal(315532800, 12)
    tail = kind + link.ljust(100, b"\0") + b"ustar\x0000" + bytes(64) + octal(0, 8) + octal(0, 8) + prefix.ljust(167, b"\0")
    return head + b"%06o\0 " % (sum(head) + 8 * 32 + sum(tail)) + tail


def record(key, value):
    length = 0
    while len(row := b"%d %s=%s\n" % (length, key, value)) != length:
        length = len(row)
    return row


def header(path, kind, mode, link, size, owner):
    name, link, rows, prefix = path.encode() + b"/" * (kind == b"5"), link.encode(), b"", b""
    short = lambda value: bytes(c if c < 128 else 95 for c in value[:100])
    if len(link) > 100 or not link.isascii():
        rows, link = record(b"linkpath", link), short(link)
    if len(name) > 100 or not name.isascii():
        at = name[: min(156, len(name) - 1)].rfind(b"/") if name.isascii() else 0
        if at > 0 and len(name) - at - 1 <= 100:
            prefix, name = name[:at], name[at + 1 :]
        else:
            rows, name = rows + record(b"path", name), short(name)
    if rows:
        rows = block(b"pax_header", 0o644, len(rows), b"x", b"", b"") + rows + bytes(-len(rows) % 512)
    return rows + block(name, mode, size, kind, link, prefix, owner)


def spliced(method, raw, data):
    if method == zipfile.ZIP_STORED:
        parts = [data[i : i + 65535] for i in range(0, len(data), 65535)]
        return b"".join(b"\0" + struct.pack("<HH", len(p), len(p) ^ 65535) + p for p in parts)
    start, end = last_block(raw)
    out, free = bytearray(raw), -end % 8
    out[start // 8] &= ~(1 << start % 8)
    out[-1] &= 255 >> free
    return bytes(out) + (b"\0\0\xff\xff" if free >= 3 else b"\0\0\0\xff\xff")


def layer(entries):
    """The digest, diff ID and size of a layer."""
    entries = dict(entries)
    for path in list(entries):
        while "/" in path:
            path = path.rpartition("/")[0]
            entries.setdefault(path, (b"5", 0o755, "", b""))
    encoder, tar = Encoder(), bytearray()

    def plain(data):
        tar.extend(data)
        encoder.write(data)

    for path, (kind, mode, link, content, *owner) in sorted(entries.items(), key=lambda e: e[0].encode()):
        data = content if isinstance(content, bytes) else content[2]
        plain(header(path, kind, mode, link, len(data), *owner or [0]))
        if isinstance(content, bytes) or not data:
            plain(data)
        else:
            encoder.flush()
            tar.extend(data)
            encoder.out += spliced(*content)
            encoder.skip(data[-32768:])
        plain(bytes(-len(data) % 512))
    plain(bytes(1024))
    encoder.close()
    whole = b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + bytes(encoder.out) + struct.pack("<II", zlib.crc32(tar), len(tar) & 0xFFFFFFFF)
    return "sha256:" + sha(whole), "sha256:" + sha(tar), len(whole)


# Section 11: wheels.

SCRIPT = """#!/opt/env/bin/python
# -*- coding: utf-8 -*-
import re
import sys
from {module} import {first}
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit({attr}())
"""


def install(blob, minor):
    site, entries, rows = f"opt/env/lib/python{minor}/site-packages", {}, []
    wheel = zipfile.ZipFile(io.BytesIO(blob))
    top = {n.partition("/")[0] for n in wheel.namelist()}
    assert not any(t.endswith(".data") for t in top), "a wheel with a .data folder"
    [info] = [t for t in top if t.endswith(".dist-info")]
    stated = {r[0]: r[1] for r in csv.reader(io.StringIO(wheel.read(info + "/RECORD").decode())) if r}

    def written(path, relative, mode, data):
        entries[path] = (b"0", mode, "", data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        rows.append((relative, "sha256=" + digest, str(len(data))))

    for member in wheel.infolist():
        name, mode = member.filename, member.external_attr >> 16
        if member.is_dir() or name in {f"{info}/{n}" for n in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")}:
            continue
        lengths = struct.unpack_from("<HH", blob, member.header_offset + 26)
        at = member.header_offset + 30 + sum(lengths)
        data, runs = wheel.read(member), mode & 0o170000 == 0o100000 and mode & 0o111
        algorithm, _, text = stated[name].partition("=")
        true = base64.urlsafe_b64encode(hashlib.new(algorithm, data).digest()).decode().rstrip("=")
        assert text == true, f"RECORD is false about {name}"
        content = (member.compress_type, blob[at : at + member.compress_size], data)
        entries[f"{site}/{name}"] = (b"0", 0o755 if runs else 0o644, "", content)
        rows.append((name, stated[name], str(len(data))))
    points = configparser.ConfigParser(delimiters="=", interpolation=None)
    points.optionxform = str
    if f"{info}/entry_points.txt" in wheel.namelist():
        points.read_string(wheel.read(f"{info}/entry_points.txt").decode())
    for group in "console_scripts", "gui_scripts":
        for name, value in points.items(group) if points.has_section(group) else []:
            module, attr = (x.strip() for x in value.split("[")[0].split(":"))
            text = SCRIPT.format(module=module, attr=attr, first=attr.partition(".")[0])
            written(f"opt/env/bin/{name}", f"../../../bin/{name}", 0o755, text.encode())
    written(f"{site}/{info}/INSTALLER", f"{info}/INSTALLER", 0o644, b"envpack\n")
    rows.append((f"{info}/RECORD", "", ""))
    field = lambda s: '"' + s.replace('"', '""') + '"' if re.search('[,"\r\n]', s) else s
    lines = sorted(",".join([field(row[0]), *row[1:]]).encode() for row in rows)
    entries[f"{site}/{info}/RECORD"] = (b"0", 0o644, "", b"\n".join(lines) + b"\n")
    return entries


# Sections 10 and 13: the environment, config and manifest.

def skeleton(full, minor, xy, python):
    link = lambda to: (b"2", 0o777, to, b"")
    home = python.rpartition("/")[0]
    text = f"home = {home}\ninclude-system-site-packages = false\nversion = {full}\nexecutable = {python}\n"
    return {
        "opt/env/bin/python": link(python), "opt/env/bin/python3": link("python"),
        f"opt/env/bin/python{xy}": link("python"), f"opt/env/bin/python{minor}": link("python"), "opt/env/lib64": link("lib"),
        f"opt/env/lib/python{minor}/site-packages": (b"5", 0o755, "", b""),
        "opt/env/pyvenv.cfg": (b"0", 0o644, "", text.encode()),
    }


def dump(value):
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()


def image(lock, platform, layers):
    """Config and manifest of the image of these layers of the seal."""
    told, created = lock["image"], "1980-01-01T00:00:00Z"
    for p in lock.get("package", []):
        dated = [f for f in p["file"] if platform in f["targets"]]
        if any(b["id"] == f.get("build") and b["target"] == platform for f in dated for b in lock.get("build", [])):
            dated += p.get("source", [])
        created = max([created, *(stamp(f["uploaded"]) for f in dated if "uploaded" in f)])
    env = {"PATH": "/opt/env/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "VIRTUAL_ENV": "/opt/env"}
    env |= {"HOME": "/home/app"} if told["user"] == "app" else {}
    env |= dict(sorted(told.get("env", {}).items()))
    run = {
        "User": "1000:1000" if told["user"] == "app" else "0:0", "ExposedPorts": {p: {} for p in told.get("ports", [])},
        "Env": [f"{k}={v}" for k, v in env.items()], "Cmd": told.get("command"), "Volumes": {v: {} for v in told.get("volumes", [])},
        "WorkingDir": told["workdir"], "Labels": dict(sorted(told.get("labels", {}).items())),
    }
    config = dump({
        "created": created, "architecture": platform.split("/")[1], "os": "linux", "config": {k: v for k, v in run.items() if v},
        "rootfs": {"type": "layers", "diff_ids": [l["diff-id"] for l in layers]},
        "history": [{"created": created, "created_by": "envpack: " + l["name"]} for l in layers],
    })
    kind = "application/vnd.oci.image."
    blob = lambda kind, digest, size: {"mediaType": kind, "digest": digest, "size": size}
    return config, dump({
        "schemaVersion": 2, "mediaType": kind + "manifest.v1+json",
        "config": blob(kind + "config.v1+json", "sha256:" + sha(config), len(config)),
        "layers": [blob(kind + "layer.v1.tar+gzip", l["digest"], l["size"]) for l in layers],
        "annotations": {"org.opencontainers.image.created": created},
    })


def main(archive, path, store, largest="1000000"):
    text = open(path, "rb").read().replace(b"\r\n", b"\n")
    lock = tomllib.loads(text.decode())
    check("lock", encode(lock), text)
    [seal] = lock["seal"]
    platform, sealed = seal["platform"], {l["name"]: l for l in seal["layer"]}
    [target] = [t for t in lock["target"] if t["platform"] == platform]
    full, xy, thread = target["python"], ".".join(target["python"].split(".")[:2]), "t" if target["abi"].endswith("t") else ""
    minor = xy + thread
    tar = tarfile.open(archive)
    blob = lambda digest: tar.extractfile("blobs/sha256/" + digest.removeprefix("sha256:")).read()
    files = lambda name: tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob(sealed[name]["digest"]))))

    def same(name, facts, entries=None):
        check(f"{name}: inputs", inputs(*facts), sealed[name]["inputs"])
        if entries is not None:
            check(f"{name}: bytes", layer(entries), tuple(sealed[name][k] for k in ("digest", "diff-id", "size")))

    here = project(lock, platform)
    assert "reference" not in lock["base"], "an image that stands on another"
    below, python, own = [], f"/usr/bin/python{minor}", here["base"]["interpreter"]
    if lock["base"]["distro"] != "none":
        fact = lambda d: ("system" if d.get("system") else "deb") + " {name} {version} {architecture} {sha256}".format(**d)
        facts = [lock["base"]["format"], "architecture " + platform.split("/")[1], *([] if own else ["python " + minor])]
        debs = here["base"]["deb"]
        same("base", facts := facts + [fact(d) for d in debs if not d.get("system")])
        below.append("base")
        if more := [fact(d) for d in debs if d.get("system")]:
            same("system", facts + more)
            below.append("system")
    for i in own:
        same("python", ["python/1", "archive " + i["sha256"], "python " + i["version"]])
        below.insert(1, "python")
        python = f"/opt/python/bin/python{minor}"
    place = [] if python.startswith("/usr/bin/") else ["interpreter " + python]
    workdir = lock["image"]["workdir"]
    same("environment", ["environment/1", "python " + full + thread, *place], skeleton(full, minor, xy, python))
    order = groups(here["package"])
    for name, packages in order:
        wheels = [f for p in packages for f in p["file"]]
        entries = {} if sum(f["size"] for f in wheels) <= int(largest) else None
        if entries is not None:
            for f in wheels:
                entries |= install(open(f"{store}/blobs/sha256/{f['sha256'][:2]}/{f['sha256']}", "rb").read(), minor)
        same(name, ["wheel/1", "python " + minor, "prefix opt/env", *(f"wheel {f['name']} {f['sha256']}" for f in wheels)], entries)
    for f in here["file"]:
        at, mode = f["to"].lstrip("/"), 0o755 if f.get("executable") else 0o644
        data = open(f"{store}/blobs/sha256/{f['sha256'][:2]}/{f['sha256']}", "rb").read()
        check(f"file {f['to']}: content", (sha(data), len(data)), (f["sha256"], f.get("size", 0)))
        entries = {at: (b"0", mode, "", (zipfile.ZIP_STORED, b"", data))}
        home = [at[:i] for i in range(len(at)) if at[i] == "/" and (at[:i] + "/").startswith("home/app/")]
        entries |= {folder: (b"5", 0o775, "", b"", 1000) for folder in home}
        facts = ["blob/1", "file " + f["sha256"], f"mode {mode:o}", "at " + at, *(["user 1000"] if home else [])]
        same("file " + f["to"], facts, entries)
    ours, entries, below_workdir = [], {}, workdir.strip("/") + "/"
    for m in files("project") if "project" in sealed else []:
        if not m.isdir():
            content = b"" if m.issym() else files("project").extractfile(m.name).read()
            kind = "link" if m.issym() else "exec" if m.mode & 0o100 else "file"
            ours.append(f"{kind} {sha(m.linkname.encode() if m.issym() else content)} {m.name.removeprefix(below_workdir)}\0")
            entries[m.name] = (m.type, m.mode, m.linkname, content)
    tree = sha(("envpack-project/1\n" + "".join(ours)).encode())
    check("project: tree", tree, seal["project"])
    if ours:
        same("project", ["files/1", "project " + tree, "at " + workdir], entries)
    projection = encode(here)
    check("lock: file", files("lock").extractfile("opt/env/envpack.lock").read(), projection)
    to = workdir + "/" if workdir == "/home/app" else workdir
    home = [to[1:i] for i in range(1, len(to)) if to[i] == "/" and (to[:i] + "/").startswith("/home/app/")]
    same("lock", ["files/1", "lock sha256:" + sha(projection), *(f"folder {f} 775 1000:0" for f in home)],
         {"opt/env/envpack.lock": (b"0", 0o644, "", projection)} | {f: (b"5", 0o775, "", b"", 1000) for f in home})

    names = [*below, "environment", *(n for n, _ in order), *("file " + f["to"] for f in here["file"]), *(["project"] if ours else []), "lock"]
    check("order of layers", [l["name"] for l in seal["layer"]], names)
    for l in seal["layer"]:
        check(f"{l['name']}: in the archive", sha(gzip.decompress(blob(l["digest"]))), l["diff-id"].removeprefix("sha256:"))
    config, manifest = image(lock, platform, seal["layer"])
    check("config", f"blobs/sha256/{sha(config)}" in tar.getnames(), True)
    check("image", "sha256:" + sha(manifest), seal["image"])
    bare = image(lock, platform, [l for l in seal["layer"] if l["name"] != "project"])[1]
    check("environment's digest", "sha256:" + sha(bare), seal["environment"])
    check("index.json", json.load(tar.extractfile("index.json"))["manifests"][0]["digest"], seal["image"])
    sys.exit(f"{len(FAILED)} differ: {', '.join(FAILED)}" if FAILED else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
