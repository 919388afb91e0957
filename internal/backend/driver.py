# Runs one hook of a build backend and writes down what came of it. Python 2.7, and 3.5 or later.
#
# driver.py FOLDER: FOLDER/job.json says what to do, FOLDER/result.json has the answer.
from __future__ import print_function

import glob
import io
import json
import os
import sys
import traceback

LEGACY = "setuptools.build_meta:__legacy__"


class Mistake(Exception):
    """What the project or its backend does wrong, in a line."""


def load(job, source):
    """The backend, None where setup.py has to be run by ourselves."""
    name = job["backend"]
    module, _, attributes = name.partition(":")
    paths = [os.path.join(source, p) for p in job["path"]]
    sys.path[:0] = paths
    if job["legacy"]:
        return None
    if name == LEGACY:
        try:
            from setuptools import build_meta
            return build_meta.__legacy__
        except (ImportError, AttributeError):  # before setuptools 40.8
            return None
    __import__(module)
    backend = sys.modules[module]
    if paths:
        # PEP 517: a backend in the project must come from there.
        place = os.path.abspath(getattr(backend, "__file__", None) or "")
        inside = [p for p in paths if place.startswith(os.path.abspath(p) + os.sep)]
        if not inside:
            raise Mistake("the backend %s is not in the folders of backend-path" % name)
    for attribute in attributes.split("."):
        if attribute:
            backend = getattr(backend, attribute)
    return backend


class Asked(Mistake):
    """Raised instead of fetching what setup.py asks for."""

    def __init__(self, missing):
        Mistake.__init__(self, "setup.py asks for " + ", ".join(missing) + " while it runs")
        self.missing = missing


def requirement_class():
    """What reads requirements, of setuptools itself where it has no pkg_resources any more."""
    for place in ("packaging", "setuptools._vendor.packaging", "setuptools.extern.packaging"):
        try:
            __import__(place + ".requirements")
        except ImportError:
            continue
        return sys.modules[place + ".requirements"].Requirement
    raise Mistake("setuptools has nothing that reads requirements")


def there(requirement):
    """Whether a requirement is installed, or not asked for here."""
    try:
        import pkg_resources
    except ImportError:  # setuptools has it no more
        from importlib import metadata
        r = requirement_class()(requirement)
        if r.marker and not r.marker.evaluate({"extra": ""}):
            return True
        try:
            return r.specifier.contains(metadata.version(r.name), prereleases=True)
        except metadata.PackageNotFoundError:
            return False
    for r in pkg_resources.parse_requirements(requirement):
        if r.marker and not r.marker.evaluate():
            continue
        try:
            if pkg_resources.working_set.find(r) is None:
                return False
        except pkg_resources.VersionConflict:
            return False
    return True


class Setup(object):
    """setup.py, run as pip ran it before there were backends: as the main program, whose __builtins__ is a module."""

    def __init__(self, source):
        self.source = source
        self.asked = []

    def run(self, *arguments):
        import setuptools  # noqa: F401  it replaces parts of distutils
        import setuptools.dist

        def fetch(distribution, requires):
            lines = requires.splitlines() if hasattr(requires, "splitlines") else list(requires)
            lines = [str(r).strip() for r in lines]
            lines = [r for r in lines if r and r[0] != "#"]
            self.asked.extend(r for r in lines if r not in self.asked)
            missing = [r for r in lines if not there(r)]
            if missing:
                raise Asked(missing)
            return []

        setuptools.dist.Distribution.fetch_build_eggs = fetch
        name = os.path.join(self.source, "setup.py")
        if not os.path.exists(name):
            raise Mistake("there is no setup.py, and setuptools is too old to build without one")
        sys.argv = ["setup.py"] + list(arguments)
        sys.path.insert(0, self.source)
        with open(name, "rb") as f:
            code = f.read().replace(b"\r\n", b"\n")
        space = {"__file__": name, "__name__": "__main__", "__doc__": None, "__builtins__": __builtins__}
        try:
            exec(compile(code, name, "exec"), space)
        except SystemExit as e:
            if e.code not in (None, 0):
                raise
        finally:
            sys.path.remove(self.source)

    def requires(self):
        try:
            self.run("-q", "egg_info")
        except Asked:
            pass
        return self.asked

    def metadata(self, out):
        eggs = os.path.join(out, "eggs")
        os.makedirs(eggs)
        self.run("-q", "egg_info", "--egg-base", eggs)
        found = glob.glob(os.path.join(eggs, "*.egg-info"))
        if len(found) != 1:
            raise Mistake("egg_info made %d folders" % len(found))
        return os.path.relpath(found[0], out)

    def wheel(self, out):
        self.run("bdist_wheel", "-d", out)


def hook(job, out):
    source = os.getcwd()
    backend = load(job, source)
    kind = job["hook"]
    if backend is None:
        setup = Setup(source)
        if kind == "requires":
            return {"requires": setup.requires()}
        if kind == "metadata":
            return {"egg": setup.metadata(out)}
        setup.wheel(out)
        return wheels(out)
    if kind == "requires":
        get = getattr(backend, "get_requires_for_build_wheel", None)
        return {"requires": [str(r) for r in get(None)] if get else []}
    if kind == "metadata":
        prepare = getattr(backend, "prepare_metadata_for_build_wheel", None)
        if prepare is None:
            return {"unknown": True}
        return {"folder": str(prepare(out, None))}
    return {"wheel": str(backend.build_wheel(out, None))}


def wheels(out):
    found = glob.glob(os.path.join(out, "*.whl"))
    if len(found) != 1:
        raise Mistake("bdist_wheel made %d wheels" % len(found))
    return {"wheel": os.path.basename(found[0])}


def module_of(e):
    """The module that an import did not find."""
    if not isinstance(e, ImportError):
        return ""
    name = getattr(e, "name", None)
    text = str(e)
    if text.startswith("No module named "):
        return name or text[len("No module named "):].split(";")[0].strip("'\"")
    return ""


def failure(e):
    """What an exception says, and the import that failed or what was asked for before it, where that is so."""
    missing, asked, seen, at = "", [], [], e
    while at is not None and at not in seen and not missing and not asked:
        seen.append(at)
        missing = module_of(at)
        asked = getattr(at, "missing", []) if isinstance(at, Asked) else []
        at = getattr(at, "__cause__", None) or getattr(at, "__context__", None)
    text = str(e)
    if isinstance(e, SystemExit):
        text = "exit status %s" % e.code if isinstance(e.code, int) else str(e.code)
    return {"kind": type(e).__name__, "text": text[-2000:], "module": missing, "asked": asked}


def main():
    folder = sys.argv[1]
    with io.open(os.path.join(folder, "job.json"), encoding="utf-8") as f:
        job = json.load(f)
    sys.path.pop(0)  # the folder of this file
    sys.argv = ["setup.py"]
    out = os.path.join(folder, "out")
    try:
        result = hook(job, out)
    except BaseException as e:
        traceback.print_exc()
        result = {"failure": failure(e)}
    sys.stdout.flush()
    sys.stderr.flush()
    with io.open(os.path.join(folder, "result.json"), "wb") as f:
        f.write(json.dumps(result).encode("ascii"))
    sys.exit(1 if "failure" in result else 0)


if __name__ == "__main__":
    main()
