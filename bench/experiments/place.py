"""Runs a command of a tool with a limit of time, and with nothing writable but its own folders."""

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass


@dataclass
class Done:
    code: int
    out: str
    err: str
    seconds: float
    late: bool  # it was ended by the limit


def run(cmd, folder, seconds, sandbox, writable=(), env=None):
    cmd = [str(word) for word in cmd]
    if sandbox and shutil.which("bwrap"):
        binds = [w for path in (folder, *writable) for w in ("--bind", str(path), str(path))]
        cmd = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-pid", "--die-with-parent",
               "--cap-drop", "ALL", *binds, "--chdir", str(folder), "--", *cmd]
        env = env or environment()
        env["TMPDIR"] = str(folder)
    start = time.monotonic()
    child = subprocess.Popen(cmd, cwd=folder, env=env or environment(), text=True, errors="replace", start_new_session=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    late = False
    try:
        out, err = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        late = True
        os.killpg(child.pid, signal.SIGKILL)
        out, err = child.communicate()
    return Done(child.returncode, out, err, time.monotonic() - start, late)


def environment(**more):
    env = {k: v for k, v in os.environ.items() if k != "PIP_FIND_LINKS"}
    # Shims of pyenv answer for every Python there is, and fail for all but one.
    env["PATH"] = os.pathsep.join(p for p in env["PATH"].split(os.pathsep) if not p.rstrip("/").endswith("shims"))
    return {**env, "NO_COLOR": "1", "GIT_TERMINAL_PROMPT": "0", "UV_PYTHON_DOWNLOADS": "never", **more}
