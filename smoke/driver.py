# Imports modules one after the other and notes what came of each in a file, a line of JSON before and after each: who reads
# it sees which one ended the process. For Python 3.5 and later.
import faulthandler
import json
import os
import sys
import time

path, limit, names = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
sys.argv = ["-c"]
notes = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def note(**what):
    os.write(notes, (json.dumps(what) + "\n").encode("ascii"))


def text(value, most):
    try:
        value = str(value)
    except Exception as e:
        value = "an error of %s that cannot be shown: %r" % (type(value).__name__, e)
    return value[:most]


def frames(trace):
    # Without those of importlib and of this file.
    found = []
    while trace is not None and len(found) < 1000:
        code = trace.tb_frame.f_code
        if not code.co_filename.startswith("<"):
            found.append({"file": text(code.co_filename, 1000), "line": trace.tb_lineno, "in": text(code.co_name, 200)})
        trace = trace.tb_next
    return found[-12:]


def described(e):
    # The error, and what it was raised because of or while handling, the outermost first.
    chain, seen = [], set()
    while e is not None and id(e) not in seen and len(chain) < 10:
        seen.add(id(e))
        one = {"type": type(e).__name__, "message": text(e, 4000), "frames": frames(e.__traceback__)}
        one["bases"] = [c.__name__ for c in type(e).__mro__]
        if isinstance(e, ImportError):
            one["name"], one["path"] = text(e.name or "", 500), text(e.path or "", 1000)
        if isinstance(e, SyntaxError):
            one["frames"].append({"file": text(e.filename or "", 1000), "line": e.lineno or 0, "in": ""})
            one["message"] = text(e.msg, 4000)
        if isinstance(e, SystemExit):
            one["message"] = "it ended Python with status %s" % text(e.code, 200)
        one["because"] = e.__cause__ is not None
        chain.append(one)
        e = e.__cause__ or (None if e.__suppress_context__ else e.__context__)
    return chain


faulthandler.enable()
for name in names:
    note(begin=name)
    began = time.time()
    if limit > 0:
        faulthandler.dump_traceback_later(limit, exit=True)
    chain = []
    try:
        __import__(name)
    except BaseException as e:
        chain = described(e)
    finally:
        faulthandler.cancel_dump_traceback_later()
    note(end=name, seconds=round(time.time() - began, 3), chain=chain)
note(done=True)
sys.stdout.flush()
sys.stderr.flush()
os._exit(0)  # what modules do when Python ends is not asked
