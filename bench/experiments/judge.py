"""Whether what a tool locked is what it was asked for: pylock.toml (PEP 751) and pip's report, held to the lines and to the day."""

import json
import re
import tomllib
from datetime import datetime, timedelta, timezone

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name


def end_of(day):
    return datetime.fromisoformat(day).replace(tzinfo=timezone.utc) + timedelta(days=1)


def target(python):
    """The variables of markers, of CPython on 64-bit Linux."""
    return {"python_version": python, "python_full_version": python + ".9", "implementation_name": "cpython", "implementation_version": python + ".9",
            "platform_python_implementation": "CPython", "os_name": "posix", "sys_platform": "linux", "platform_system": "Linux",
            "platform_machine": "x86_64", "platform_release": "", "platform_version": "", "extra": ""}


def pylock(text, python):
    """{name: (version or "", [time of upload of a file or None])}; ValueError where a name is there twice."""
    found = {}
    for entry in tomllib.loads(text).get("packages", []):
        if "marker" in entry and not Marker(entry["marker"]).evaluate({**target(python), "extras": set(), "dependency_groups": set()}, context="lock_file"):
            continue
        name = canonicalize_name(entry["name"])
        if name in found:
            raise ValueError(f"{name} is locked twice")
        files = [f for f in (*entry.get("wheels", []), entry.get("sdist")) if f]
        found[name] = (entry.get("version", ""), [f.get("upload-time") for f in files])
    return found


def report(text):
    return {canonicalize_name(i["metadata"]["name"]): (i["metadata"]["version"], []) for i in json.loads(text)["install"]}


def problems(found, lines, row, dated):
    """What is wrong with a lock, as a list of texts."""
    if not found:
        return ["the lock is empty"]
    wrong = [text for line in lines if (text := unmet(line, found, target(row["python"])))]
    if dated:
        wrong += [f"newer than the day: {name}" for name, (_, times) in sorted(found.items()) for t in times if t and aware(t) >= end_of(row["as_of"])]
    return wrong


def aware(t):
    return t if t.tzinfo else t.replace(tzinfo=timezone.utc)


def unmet(line, found, env):
    try:
        wanted = Requirement(re.split(r"\s#|\s--", line)[0].strip())
    except InvalidRequirement:
        egg = re.search(r"egg=([\w.-]+)", line)
        return f"not in the lock: {line}" if egg and canonicalize_name(egg[1]) not in found else None
    if wanted.marker and not wanted.marker.evaluate(env):
        return None
    name = canonicalize_name(wanted.name)
    if name not in found:
        return f"not in the lock: {line}"
    version = found[name][0]
    if wanted.url or not version or wanted.specifier.contains(version, prereleases=True):
        return None
    return f"locked {version}: {line}"
