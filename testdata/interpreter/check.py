"""What an interpreter can do, asked of itself. Runs on Python 3.6 and newer.

    python check.py modules           prints the modules of the standard library that it can import, one a line
    python check.py use FOLDER        exercises it, with files below the folder; ends with an error if something fails
"""

import os
import re
import subprocess
import sys
import sysconfig

# Modules that do something when they are imported, or belong to another system.
NOT_ASKED = {"antigravity", "this", "__main__", "__phello__", "site-packages", "dist-packages", "idlelib"}


def names():
    folders = [sysconfig.get_path("stdlib"), os.path.join(sysconfig.get_path("platstdlib"), "lib-dynload")]
    found = set(sys.builtin_module_names)
    for name in (name for folder in folders for name in os.listdir(folder)):
        module = name.split(".")[0]
        if module.isidentifier() and not name.startswith("_sysconfigdata"):
            found.add(module)
    return sorted(found - NOT_ASKED - {"__pycache__", "LICENSE"})


def modules():
    import contextlib
    import io
    import warnings

    warnings.simplefilter("ignore")
    for name in names():
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                __import__(name)
        except ImportError:
            continue
        print(name)


def run(*words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    if done.returncode != 0:
        sys.exit("%r: %s" % (words, done.stdout))
    return done.stdout.strip()


EXTENSION = """
#include <Python.h>
static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "answer", NULL, -1, NULL};
PyMODINIT_FUNC PyInit_answer(void) {
    PyObject *m = PyModule_Create(&def);
#ifdef Py_GIL_DISABLED
    PyUnstable_Module_SetGIL(m, Py_MOD_GIL_NOT_USED);
#endif
    PyModule_AddIntConstant(m, "answer", 42);
    return m;
}
"""


def extension(folder):
    """An extension is built by what sysconfig says alone. In a free-threaded build it says that it needs no lock, of which Python would warn."""
    source, made = os.path.join(folder, "answer.c"), os.path.join(folder, "answer" + sysconfig.get_config_var("EXT_SUFFIX"))
    with open(source, "w") as f:
        f.write(EXTENSION)
    cc, shared, flags = (sysconfig.get_config_var(v).split() for v in ("CC", "LDSHARED", "CCSHARED"))
    run(*(cc + flags + ["-I" + sysconfig.get_path("include"), "-c", source, "-o", source + ".o"]))
    run(*(shared + [source + ".o", "-o", made]))
    assert run(sys.executable, "-c", "import sys; sys.path.insert(0, %r); import answer; print(answer.answer)" % folder) == "42"


def use(folder):
    import bz2, ctypes, decimal, hashlib, lzma, sqlite3, ssl, uuid, zlib

    for module in bz2, lzma, zlib:
        assert module.decompress(module.compress(b"x" * 1000)) == b"x" * 1000
    assert ctypes.CDLL(None).abs(-3) == 3
    assert sqlite3.connect(":memory:").execute("select 6 * 7").fetchone() == (42,)
    assert ssl.create_default_context().verify_mode == ssl.CERT_REQUIRED
    assert len(hashlib.new("sha256", b"").digest()) == 32 and str(decimal.Decimal("0.1") * 3) == "0.3"
    assert uuid.uuid1().version == 1

    prefix = os.path.dirname(os.path.dirname(os.path.realpath(sys.executable)))
    assert sys.prefix == sys.base_prefix == prefix, (sys.prefix, prefix)
    said = sysconfig.get_config_vars()
    assert said["prefix"] == prefix and os.path.isfile(os.path.join(said["INCLUDEPY"], "Python.h"))
    assert said["LIBDIR"] == os.path.join(prefix, "lib"), said["LIBDIR"]
    built_for = re.compile(r"(?<![\w./-])(-[ILB])?/install(?![\w.-])|/\.pyenv/")
    stale = {k: v for k, v in said.items() if isinstance(v, str) and built_for.search(v)}
    assert not stale, stale

    env = os.path.join(folder, "env")
    run(sys.executable, "-m", "venv", env)
    assert run(os.path.join(env, "bin", "python"), "-c", "import sys; print(sys.prefix, sys.base_prefix)") == env + " " + prefix
    assert run(os.path.join(env, "bin", "python"), "-m", "pip", "--version").startswith("pip ")
    run(sys.executable, "-m", "ensurepip", "--version")
    config = os.path.join(prefix, "bin", "python3-config")
    assert run(config, "--prefix") == prefix
    script = [n for n in os.listdir(os.path.join(prefix, "bin")) if n.startswith("pydoc3")][0]
    assert "os" in run(os.path.join(prefix, "bin", script), "os.path")
    if "--no-compiler" not in sys.argv:
        extension(folder)


if sys.argv[1] == "modules":
    modules()
else:
    use(sys.argv[2])
