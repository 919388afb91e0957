"""Builds the image of a locked row, and imports in it, without network, what the row says must work."""

import json
import shutil

import place

PROBE = """
import sys, traceback
def say(*words): sys.stdout.write("\\n@@" + "\\t".join(words) + "\\n"); sys.stdout.flush()
say("python", "%d.%d" % sys.version_info[:2])
for name in sys.argv[1:]:
    say("at", name)
    try: __import__(name)
    except BaseException: say("no", name, traceback.format_exception_only(*sys.exc_info()[:2])[-1].strip().split("\\n")[0][:300])
    else: say("ok", name)
"""


def check(args, row, folder):
    """(status, why): "imports", "fails" or "no image"."""
    own = (args.images or folder.parent / "built") / row["repo"].replace("/", "__")
    own.mkdir(parents=True, exist_ok=True)
    layout = own / "image"
    shutil.rmtree(layout, ignore_errors=True)
    done = place.run([args.envpack, "build", "--locked", "-o", f"oci:{layout}"], folder, args.limit * 3, False)
    (folder / "build.log").write_text(done.out + done.err)
    try:
        if done.code or done.late:
            from tools import cause
            return "no image", "over the limit of time" if done.late else cause(done.err)
        return imports(args, row, layout, own / "bundle")
    finally:
        shutil.rmtree(layout, ignore_errors=True)
        shutil.rmtree(own / "bundle", ignore_errors=True)


def imports(args, row, layout, bundle):
    shutil.rmtree(bundle, ignore_errors=True)
    blob = lambda d: layout / "blobs" / d["digest"].replace(":", "/")
    manifest = json.loads(blob(json.loads((layout / "index.json").read_text())["manifests"][0]).read_text())
    config = json.loads(blob(manifest["config"]).read_text())["config"]
    root = bundle / "rootfs"
    root.mkdir(parents=True)
    for layer in manifest["layers"]:    # none has whiteouts: each adds to those below
        done = place.run(["tar", "-xf", blob(layer), "-C", root, "--no-same-owner"], bundle, args.limit * 2, False)
        if done.code or done.late:
            return "no image", "tar: " + (done.err.strip().splitlines() or ["over the limit of time"])[-1]
        blob(layer).unlink()
    env = dict(pair.split("=", 1) for pair in config.get("Env") or [])
    wrap = ["bwrap", "--bind", root, "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--unshare-all", "--die-with-parent",
            "--cap-drop", "ALL", "--clearenv"]
    for name, value in {**env, "HOME": "/tmp"}.items():
        wrap += ["--setenv", name, value]
    left, good, bad, python = list(row["imports"]), [], [], ""
    while left:     # a module that ends the process costs the others a process of their own
        done = place.run([*wrap, "--chdir", config.get("WorkingDir") or "/", "--", "python", "-c", PROBE, *left], layout.parent, args.limit, False)
        said = [line[2:].split("\t") for line in done.out.splitlines() if line.startswith("@@")]
        python = next((w[1] for w in said if w[0] == "python"), python)
        good += [w[1] for w in said if w[0] == "ok"]
        bad += [f"{w[1]}: {w[2]}" for w in said if w[0] == "no"]
        over = {w[1] for w in said if w[0] in ("ok", "no")}
        lost = next((m for m in left if m not in over), None)
        if lost is None:
            break
        bad.append(f"{lost}: " + ("over the limit of time" if done.late else f"exit status {done.code} " + done.err.strip()[-200:]))
        left = left[left.index(lost) + 1:] if said else []
    if python != row["python"]:
        bad.append(f"Python {python or 'does not run'}")
    return ("fails", "; ".join(bad)) if bad else ("imports", f"{len(good)} modules")
