"""Make an archive in the form of python-build-standalone from an installed Python, such as one that pyenv built.

    python3 testdata/interpreter/archive.py 3.8.18 OUT.tar.gz      # of `pyenv root`
    python3 testdata/interpreter/archive.py /some/prefix OUT.tar.gz

The result has the top folder python/, speaks of /install in its texts, and runs from any place: its binaries look for
libraries relative to themselves (patchelf) and have no debug symbols (strip), its scripts for the program beside them.
Libraries that do not come from the system's folders, such as an OpenSSL that was built for an old Python, are brought
along in python/lib. Left out are installed packages (ensurepip makes pip again), compiled files and static libraries.
The same input makes the same bytes with the same tools. Python 3.9 or newer runs this; patchelf, strip and ldd are needed.
"""

import gzip
import io
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile

SYSTEM = ("/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/")
BUILT_FOR = "/install"
LAUNCHER = "#!/bin/sh\n'''exec' \"$(dirname \"$(realpath \"$0\")\")/{python}\" \"$0\" \"$@\"\n' '''\n"


def run(*words):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout


def prefix_of(name):
    if os.sep in name:
        return pathlib.Path(name).resolve()
    return pathlib.Path(run("pyenv", "root").strip(), "versions", name).resolve()


def copy(prefix, minor, to):
    def ignored(folder, names):
        if folder == str(prefix / "lib" / minor / "site-packages"):
            return [n for n in names if n != "README.txt"]
        return [n for n in names if n == "__pycache__" or n.endswith((".a", ".pyc")) or "site-packages" in n and n != "site-packages"]

    for part in ("include", "share"):
        if (prefix / part).is_dir():
            shutil.copytree(prefix / part, to / part, symlinks=True)
    shutil.copytree(prefix / "lib" / minor, to / "lib" / minor, symlinks=True, ignore=ignored)
    if (prefix / "lib" / "pkgconfig").is_dir():
        shutil.copytree(prefix / "lib" / "pkgconfig", to / "lib" / "pkgconfig", symlinks=True)
    for file in prefix.glob("lib/libpython3*.so*"):
        shutil.copy2(file, to / "lib" / file.name, follow_symlinks=False)
    (to / "bin").mkdir()
    for file in (prefix / "bin").iterdir():
        if re.fullmatch(r"python(3(\.\d+[mt]?)?)?(-config)?|(2to3|idle|pydoc|pyvenv)[-.0-9]*", file.name):
            shutil.copy2(file, to / "bin" / file.name, follow_symlinks=False)


def is_elf(path):
    if path.is_symlink() or not path.is_file():
        return False
    with open(path, "rb") as f:
        return f.read(4) == b"\x7fELF"


def foreign(file):
    """Libraries that the linker finds for the file outside of the system's folders, libpython aside."""
    done = subprocess.run(["ldd", file], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        return  # no dynamic program: an object file
    for line in done.stdout.splitlines():
        if m := re.match(r"\s*(\S+) => (.*?)( \(0x|$)", line):
            name, path = m[1], m[2]
            if path == "not found":
                sys.exit(f"{file} needs {name}, which is not there")
            if not os.path.realpath(path).startswith(SYSTEM) and not name.startswith("libpython"):
                yield name, path


def relocate(prefix, minor, to):
    """Binaries look for libraries in lib, from wherever they lie."""
    folders = [to / "bin", to / "lib", to / "lib" / minor / "lib-dynload"]
    files = [f for d in folders for f in sorted(d.iterdir()) if is_elf(f)]
    for file in files[:]:
        for name, path in foreign(prefix / file.relative_to(to)):
            if not (to / "lib" / name).exists():
                shutil.copy2(os.path.realpath(path), to / "lib" / name)
                files.append(to / "lib" / name)
    for file in files:
        file.chmod(0o755)
        run("strip", "--strip-debug", str(file))
        run("patchelf", "--set-rpath", "$ORIGIN/" + os.path.relpath(to / "lib", file.parent), str(file))


def texts(prefix, minor, to):
    """Texts speak of /install, and scripts start the program beside them."""
    lib = to / "lib" / minor
    files = [*lib.glob("_sysconfigdata*.py"), *lib.glob("_sysconfig_vars*.json"), *lib.glob("build-details.json"),
             *lib.glob("config-*/Makefile"), *lib.glob("config-*/python-config.py"), *(to / "lib").glob("pkgconfig/*.pc")]
    for file in files + [f for f in (to / "bin").iterdir() if not is_elf(f)]:
        if file.is_symlink():
            continue
        text = file.read_text()
        first, _, rest = text.partition("\n")
        if first.startswith("#!") and str(prefix) in first and "python" in first:
            text = LAUNCHER.format(python=minor) + rest
        file.write_text(text.replace(str(prefix), BUILT_FOR))


def write(top, out):
    seen = {}

    def add(archive, path, name):
        info = archive.gettarinfo(path, name)
        info.uid = info.gid = info.mtime = 0
        info.uname = info.gname = ""
        info.mode = 0o755 if info.isdir() or info.mode & stat.S_IXUSR else 0o644
        info.type, info.linkname = (info.type, info.linkname) if not info.islnk() else (tarfile.REGTYPE, "")
        if info.isreg():
            info.size = path.stat().st_size
            key = (path.stat().st_dev, path.stat().st_ino)
            if path.stat().st_nlink > 1 and key in seen:
                info.type, info.linkname, info.size = tarfile.LNKTYPE, seen[key], 0
                return archive.addfile(info)
            seen[key] = name
            return archive.addfile(info, io.BytesIO(path.read_bytes()))
        archive.addfile(info)
        if info.isdir():
            for child in sorted(path.iterdir()):
                add(archive, child, f"{name}/{child.name}")

    with open(out, "wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
            add(archive, top, "python")


def main():
    prefix, out = prefix_of(sys.argv[1]), pathlib.Path(sys.argv[2])
    found = [p.name for p in prefix.glob("lib/python3.*") if (p / "os.py").is_file()]
    if len(found) != 1:
        sys.exit(f"{prefix} has {len(found)} standard libraries of Python 3")
    with tempfile.TemporaryDirectory() as folder:
        top = pathlib.Path(folder, "python")
        (top / "lib").mkdir(parents=True)
        copy(prefix, found[0], top)
        relocate(prefix, found[0], top)
        texts(prefix, found[0], top)
        write(top, out)
    print(f"{out}: {out.stat().st_size} bytes")


main()
