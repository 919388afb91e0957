"""Write what pypa/packaging says about versions, specifiers, markers, requirements, tags and file
names, for the Go tests of resolver/pep440, resolver/pep508 and resolver/tags to agree with.

    pip install --target DIR 'packaging>=26.3'
    PYTHONPATH=DIR python3 testdata/oracle/generate.py

The output is the same for the same version of packaging: random choices have a fixed seed, gzip
members no time. Verdicts are bitmaps, most significant bit first, in base64.
"""

import base64
import gzip
import itertools
import json
import pathlib
import random
import warnings

import packaging
from packaging import _manylinux, _musllinux, tags
from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

HERE = pathlib.Path(__file__).parent
rng = random.Random(440)
warnings.simplefilter("ignore")


def write(name, data):
    data["packaging"] = packaging.__version__
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":")).encode()
    packed = gzip.compress(text, 9, mtime=0)
    (HERE / f"{name}.json.gz").write_bytes(packed)
    print(f"{name}: {len(text)} bytes, {len(packed)} packed")


def bitmap(bits):
    bits = list(bits)
    bits += [False] * (-len(bits) % 8)
    out = bytes(
        sum(bit << (7 - k) for k, bit in enumerate(bits[i : i + 8])) for i in range(0, len(bits), 8)
    )
    return base64.b64encode(out).decode()


def maybe(parse, text, *errors):
    try:
        return parse(text)
    except errors:
        return None


# Versions


def version_pool():
    """Version strings that are near each other, so that boundaries are met."""
    suffixes = ["", "a1", "a1.post0", "a2.dev0", "b2", "rc1", "rc1.post2.dev3", "rc2", ".dev0", ".dev1",
                ".post0.dev0", ".post0", ".post1.dev2", ".post1", ".post2", "a1.dev0", "a0", "a1.post0.dev0", "rc1.dev4"]
    bases = ["1", "1.0", "1.0.0", "1.0.1", "1.1", "1.10", "2", "2.0", "2.0.0", "0", "0.0", "0.1", "1!1.0", "1!0", "1.0.0.1", "2024.1.15"]
    pool = [base + suffix for base in bases for suffix in suffixes]
    locals_ = ["+a", "+1", "+a.1", "+cu121", "+cu9", "+0", "+00a", "+1.a", "+abc.def.2", "+1.0.0", "+ubuntu-1", "+010"]
    pool += [v + rng.choice(locals_) for v in pool if rng.random() < 0.25]
    pool += ["1.0" + label for label in locals_] + ["2.4.0" + label for label in locals_]
    pool += ["2.4.0", "2.4.0rc5", "2.4.1", "2.5.0.dev20240701+cu121", "2.5.0.dev20240702", "3.0rc1", "3", "2.9999",
             "222", "223", "224", "255", "256", "65535", "65536", "16777216", "1.222", "1.223", "1.224", "1.255", "1.256",
             "20230101120000", "999999999999999999", "1000000000000000000", "18446744073709551615", "18446744073709551616",
             "123456789012345678901234567890", "1a18446744073709551616", "1.post99999999999999999999", "1.dev999999999999999999"]
    return list(dict.fromkeys(pool))


def spellings():
    """Other ways to write versions, right and wrong."""
    words = ["a", "b", "c", "rc", "alpha", "beta", "pre", "preview", "post", "rev", "r", "dev", "A", "RC", "Post", "DEV", "ALPHA",
             "x", "final", "aa", "poſt", "rc.dev", "postdev"]
    separators = ["", ".", "-", "_", "..", " ", "--"]
    numbers = ["", "0", "1", "007", "10"]
    out = set()
    for word, before, after, number in itertools.product(words, separators, separators, numbers):
        if rng.random() < 0.5:
            out.add("1.2" + before + word + after + number)
    pieces = ["1", "0", "00", "2", ".", ".", "-", "_", "a", "rc", "post", "dev", "+", "!", "v", "V", "1.0", "b2", "-1", ".post", ".dev",
              "+x", "r", "c", " ", "*", ".*", "é", "٣", "\n", "\t", "\x1f", "\u2003", "e"]
    for _ in range(9000):
        out.add("".join(rng.choice(pieces) for _ in range(rng.randint(1, 8))))
    out |= {"v1.0", "V1.0", " 1.0 ", "\t1.0\n", "vv1", "1.0+", "+1", "1.0+a+b", "1.0+a..b", "1.0+.a", "1.0+a.", "1.0+a_b-c", "1.0+A.B",
            "1.0+é", "1!", "!1", "1!2!3", "1.", ".1", "1..2", "", " ", "v", "1.0-1", "1.0-", "1.0-1-1", "1.0-1.dev", "1.0a-1", "1.0a-",
            "1.0a--1", "1.0.post-", "1.0post-1-1", "1.0-r4", "1.0_r_4", "1.0.c.3", "1.0-preview_3", "1.0e1", "1 .0", "1. 0", "1.0 a1",
            "01.002.0003", "1.0.dev01", "0000!1", "1.0+0001.0a", "1.0+١", "1,0", "1.0.*", "==1.0", "dog", "french toast", "1.0\x00"}
    return sorted(out)


def flags(v):
    return int(v.is_prerelease) | int(v.is_postrelease) << 1 | int(v.is_devrelease) << 2


def versions():
    texts = sorted(set(spellings()) | set(version_pool()))
    valid = [(t, v) for t in texts if (v := maybe(Version, t, InvalidVersion)) is not None]
    ranks = {v: i for i, v in enumerate(sorted({v for _, v in valid}))}
    write("versions", {
        # raw, normal form, place in the order (equal versions share one), pre|post<<1|dev<<2, public, local
        "valid": [[t, str(v), ranks[v], flags(v), v.public, v.local or ""] for t, v in valid],
        "invalid": [t for t in texts if maybe(Version, t, InvalidVersion) is None],
    })


# Specifiers


def normal_specifiers(s):
    """Sorted clauses with versions in normal form."""
    def one(spec):
        if spec.operator == "===":
            return str(spec)
        text, star = (spec.version[:-2], ".*") if spec.version.endswith(".*") else (spec.version, "")
        return spec.operator + str(Version(text)) + star

    return ",".join(sorted({one(spec) for spec in s}))


def specifiers():
    versions = [Version(v) for v in version_pool()]
    pool = version_pool()
    texts = set()
    for v in pool:
        for op in rng.sample(["==", "!=", "<=", ">=", "<", ">", "~=", "==="], 3):
            texts.add(op + v)
    for v in ["1.0", "1.0.0", "1", "2.4.0", "1.0a1", "1.0rc1", "1.0.post1", "1.0.dev1", "1!1.0", "0", "1.0.post0.dev0", "1.0a1.post0", "1.0.1"]:
        texts |= {op + v for op in ["==", "!=", "<=", ">=", "<", ">", "~=", "==="]}
        texts |= {op + v + ".*" for op in ["==", "!=", ">=", "~=", "==="]}
    for v in ["1", "1.0", "1.0.0", "0", "0.0", "1!1", "1!0.0", "2024.1", "2", "1.1", "2.4", "222", "999999999999999999", "1.10", "00", "1.09"]:
        texts |= {"==" + v + ".*", "!=" + v + ".*"}
    texts |= {"== 1.0", " >= 1.0 ", "~= 1.4.2", "~=1.0a1", "~=1.0.post1", "~=1.0.dev1", "~=1!1.0", "~=1.0.0rc1.post2.dev3", "~=2.4.0.0",
              "===1.0+abc", "===1.0+ABC", "===1.0.0", "===lolwat", "===v1.0", "===", "=== 1.0", "===1.0-1", "===1.0.post1", "===A", "===1.0A1",
              "==1.0+abc", "!=1.0+cu121", "==2.4.0+cu121", "==1.0+A-B_c", "==v1.0", ">V1", "<=1.0-1", ">1.0-r4", "==1.0+1", "!=1.0+a",
              "", ",", ">=1,", ",,>=1.0,,<2,", ">=1.0,!=1.5,<2", ">=1.0,<2.0,!=1.0.post1", "~=1.0,!=1.0.1", ">=1,>=1.0,>=1",
              "==1.0,===1.0", "!=1.0.*,>=1.0a1", ">1.0,<1.0.post2", "<2,>=2.0.dev0", "<0.dev0", ">=0.dev0", "<0", ">0", "<=0.dev0", ">0.dev0",
              "==0.dev0", "!=0.dev0", "<1.0+", ">= 1.0 , < 2"}
    singles = sorted(texts)
    ok = [t for t in singles if maybe(SpecifierSet, t, InvalidSpecifier) is not None]
    for _ in range(150):
        texts.add(",".join(rng.sample(ok, rng.randint(2, 3))))
    wrong = set()
    pieces = [">=", "<=", "==", "!=", "~=", "===", "<", ">", "=", "!", "~", "1", "1.0", "a1", ".post1", ".dev0", "+x", ".*", "*", ",", " ", ";", ")", "v", "1!", "."]
    for _ in range(4000):
        wrong.add("".join(rng.choice(pieces) for _ in range(rng.randint(1, 6))))
    texts |= {t for t in sorted(wrong) if rng.random() < 0.2 or maybe(SpecifierSet, t, InvalidSpecifier) is None}
    valid = {t: s for t in sorted(texts) if (s := maybe(SpecifierSet, t, InvalidSpecifier)) is not None}
    write("specifiers", {
        "versions": [str(v) for v in versions],
        # raw, normal form, whether it mentions a pre-release, verdict on each version
        "valid": [[t, normal_specifiers(s), bool(s.prereleases), bitmap(s.contains(v, prereleases=True) for v in versions)]
                  for t, s in valid.items()],
        "invalid": [t for t in sorted(texts) if t not in valid],
    })
    relations(list(valid.values()))


def relations(sets):
    """What packaging's own ranges say of pairs of specifier sets."""
    sets = [s for s in sets if not any(spec.operator == "===" for spec in s)]
    chosen = rng.sample(sets, 120)
    write("relations", {
        "sets": [str(s) for s in chosen],
        # for each first set, a bit for each second
        "subset": [bitmap(a.is_subset(b) for b in chosen) for a in chosen],
        "disjoint": [bitmap(a.is_disjoint(b) for b in chosen) for a in chosen],
        "unsatisfiable": bitmap(s.is_unsatisfiable() for s in chosen),
    })


# Markers


def environment(**changes):
    env = {
        "python_version": "3.12", "python_full_version": "3.12.4", "os_name": "posix", "sys_platform": "linux",
        "platform_release": "", "platform_system": "Linux", "platform_version": "", "platform_machine": "x86_64",
        "platform_python_implementation": "CPython", "implementation_name": "cpython", "implementation_version": "3.12.4",
        "extra": "",
    }
    env.update(changes)
    return env


ENVIRONMENTS = [
    environment(),
    environment(extra="test"),
    environment(extra="Dev_Tools.X"),
    environment(python_version="3.9", python_full_version="3.9.7", platform_machine="aarch64", implementation_version="3.9.7"),
    environment(python_version="3.13", python_full_version="3.13.0b1", implementation_version="3.13.0b1"),
    environment(python_version="3.14", python_full_version="3.14.0a1+", implementation_version="3.14.0a1+"),
    environment(python_version="2.7", python_full_version="2.7.18", sys_platform="win32", os_name="nt", platform_system="Windows",
                platform_machine="AMD64", platform_release="10", platform_version="10.0.19045"),
    environment(sys_platform="darwin", platform_system="Darwin", platform_machine="arm64", platform_release="23.5.0",
                platform_version="Darwin Kernel Version 23.5.0", python_version="3.10", python_full_version="3.10.14"),
    environment(platform_release="6.8.0-45-generic", platform_version="#45-Ubuntu SMP PREEMPT_DYNAMIC"),
    environment(platform_release="5.15.153.1-microsoft-standard-WSL2", implementation_name="pypy", platform_python_implementation="PyPy",
                implementation_version="7.3.15", python_version="3.10", python_full_version="3.10.13"),
    environment(python_version="", python_full_version="", implementation_version="", os_name="", sys_platform=""),
    environment(extras=["test", "Foo_Bar"], dependency_groups=["dev"]),
    environment(extras=[], dependency_groups=[]),
]


def marker_pool():
    versions = ["3.12", "3.9", "3.12.4", "3.13", "2.7", "3.12.*", "3", "3.13.0b1", "3.12.0rc1", "3.10.13", "7.3", "10", "23.5.0", "6.8.0-45-generic",
                "3.8, 3.12", "2.7 3.12", " 3.12 ", "abc", "", "=3.12", "3.14.0a1+local", "3.14", "3.12.4+x", "6.8", "5.15.153.1-microsoft-standard-WSL2", "0"]
    strings = ["linux", "posix", "Linux", "x86_64", "win32", "darwin", "CPython", "cpython", "nt", "", "lin", "linux2", "AMD64", "aarch64 arm64 x86_64",
               "Linux Darwin", "pypy", "#45-Ubuntu SMP PREEMPT_DYNAMIC", "10.0.19045", "6.8"]
    names = ["test", "dev-tools.x", "Foo.Bar", "DEV", "", "Dev_Tools.X", "test,dev"]
    ops = ["==", "!=", "<", "<=", ">", ">=", "~=", "===", "in", "not in", "not   in"]
    version_keys = ["python_version", "python_full_version", "implementation_version", "platform_release"]
    string_keys = ["os_name", "sys_platform", "platform_machine", "platform_system", "platform_python_implementation", "implementation_name",
                   "platform_version", "os.name", "sys.platform", "platform.version", "platform.machine", "platform.python_implementation",
                   "python_implementation"]
    name_keys = ["extra", "extras", "dependency_groups"]
    items = set()
    for keys, values, share in [(version_keys, versions, 0.35), (string_keys, strings, 0.12), (name_keys, names, 0.9)]:
        for key, op, value in itertools.product(keys, ops, values):
            if rng.random() > share:
                continue
            quote = rng.choice("'\"")
            sides = [key, op, quote + value + quote]
            if rng.random() < 0.3 or (key in name_keys[1:] and rng.random() < 0.8):
                sides.reverse()
            blank = " " if "in" in op or rng.random() < 0.8 else rng.choice(["", "  ", "\t"])
            items.add(blank.join(sides))
    for left, right in [("os_name", "sys_platform"), ("python_version", "python_full_version"), ("extra", "os_name"), ("'posix'", "'os_name'"),
                        ("'3.12'", "'python_version'"), ("'a'", "'b'"), ("'test'", "'extra'"), ("os_name", "extras"), ("extras", "os_name"),
                        ("extras", "dependency_groups"), ("'x'", "''"), ("'test'", "'extras'"), ("sys_platform", "os.name")]:
        for op in ops:
            items.add(f"{left} {op} {right}")
    items |= {r"os_name == 'a\x41'", r"os_name == 'p\x6fsix'", r"os_name == 'po\163ix'", r"os_name == 'p\u006fsix'", r"os_name == 'a\qb'",
              r"os_name == 'posix\\'", r"os_name == 'a\x4'", r"os_name == 'a\N{DIGIT ONE}'[", r"os_name == 'a\'", "os_name == 'a\nb'",
              "os_name == 'é'", "os_name == \"it's\"", "os_name == 'say \"x\"'", r"os_name == 'a\u12'", r"os_name == 'a\U00110000'", r"os_name == '\n'",
              "os_name == ''", "'os_name' == os_name", "python_version=='3.12'", "'posix'==os_name", "'lin'in sys_platform", "'lin'not in sys_platform"}
    items = sorted(items)
    joined = set()
    for _ in range(500):
        joined.add(expression(items, 3))
    extra = {"(os_name == 'posix')", "((os_name == 'posix'))", "(((os_name == 'nt' or os_name == 'posix')))", "os_name=='posix'or os_name=='nt'",
             "(os_name == 'posix')and(os_name == 'posix')", "( os_name == 'posix' ) ", " os_name == 'posix'", "(os_name == 'posix' or os_name == 'nt') and python_version > '3'",
             "os_name == 'posix' and (python_version > '3' or os_name == 'nt')", "((os_name == 'posix' or os_name == 'nt'))",
             "((os_name == 'posix') and (os_name == 'nt'))", "(os_name == 'posix' and (os_name == 'nt'))"}
    return items + sorted(joined) + sorted(extra)


def expression(items, depth):
    if depth == 0 or rng.random() < 0.3:
        return rng.choice(items)
    parts = [expression(items, depth - 1) for _ in range(rng.randint(2, 3))]
    text = parts[0]
    for part in parts[1:]:
        text += rng.choice([" and ", " or ", "  and\t"]) + part
    return f"({text})" if rng.random() < 0.6 else text


BAD_MARKERS = [
    "", " ", "os_name", "os_name ==", "== 'x'", "os_name 'x'", "os_name == posix", "os_name = 'x'", "os_name == 'x", "os_name == \"x'", "(os_name == 'x'",
    "os_name == 'x')", "os_name == 'x' and", "and os_name == 'x'", "os_name == 'x' os_name == 'y'", "os_name == 'x' && os_name == 'y'",
    "foo == 'x'", "python.version == '3'", "os_name notin 'x'", "os_name not 'x'", "os_name not  == 'x'", "os_name == 'x' orr os_name == 'y'",
    "os_names == 'x'", "xos_name == 'x'", "os_name == 'x' or(os_name)", "()", "( )", "os_name <> 'x'", "os_name => 'x'", "os_name == 'x';", "os_name\n== 'x'",
    "os_name == 'x'\n", "os-name == 'x'", "platform.system == 'x'", "extra_ == 'x'", "extrass == 'x'", "os_name inn 'x'", "OS_NAME == 'x'", "os_name AND 'x'",
    "os_name == 'x' AND os_name == 'y'", "os_name == 3", "python_version >= 3.8", "os_name == u'x'", "os_name == '''x'''", "os_nameé == 'x'", "os_name inx 'y'",
]


def verdict(marker, env):
    env = {k: frozenset(v) if isinstance(v, list) else v for k, v in env.items()}
    try:
        return "T" if marker.evaluate(env) else "F"
    except (UndefinedComparison, UndefinedEnvironmentName):
        return "E"


def uses_extra(markers):
    for m in markers:
        if isinstance(m, list):
            if uses_extra(m):
                return True
        elif isinstance(m, tuple):
            if any(type(side).__name__ == "Variable" and side.value == "extra" for side in (m[0], m[2])):
                return True
    return False


def markers():
    pool = sorted(set(marker_pool()) | set(BAD_MARKERS))
    valid = {t: m for t in pool if (m := maybe(Marker, t, InvalidMarker)) is not None}
    def text(m):
        # packaging does not escape what it unescaped; such text is for people only
        return None if "\\" in (t := maybe(str, m, ValueError) or "\\") or "\n" in t else t
    write("markers", {
        "environments": ENVIRONMENTS,
        # raw, normal form or null, whether it uses "extra", T, F or E (error) for each environment
        "valid": [[t, text(m), uses_extra(m._markers), "".join(verdict(m, env) for env in ENVIRONMENTS)] for t, m in valid.items()],
        "invalid": [t for t in pool if t not in valid],
    })


# Requirements

REQUIREMENTS = [
    "a", "A", "a.b_c-d", "a-", "a_", "a.", "-a", "_a", ".a", "1a", "a__b..c--d", "a b", "é", "aé", "a.é", "a;", "a ;", "", " ", " a ", "\ta\t", "a\n", "\na",
    "a[x]", "a[X_y, z.a]", "a[]", "a[ ]", "a [x]", "a[x", "a]x[", "a[x y]", "a[x,]", "a[,x]", "a[x,,y]", "a[x][y]", "a[x-]", "a[_x]", "a[x,x,X]", "a[x] >=1", "a[b]@c",
    "a>=1", "a >= 1", "a>=1,<2", "a>=1 , <2", "a>=1,", "a>=1,,<2", "a,>=1", "a >=1 <2", "a>=", "a>", "a 1.0", "a=1", "a=>1", "a~=1", "a~=1.0", "a==1.*", "a>=1.*", "a==1.0a1.*",
    "a==1.0+x", "a>=1.0+x", "a===x", "a===x;y", "a === x ; os_name == 'nt'", "a===1,>2", "a===x,y", "a===1,,>2", "a===", "a=== ,>1", "a===x)", "a==1!2.0", "a<=1.0-1", "a!=1.0.*,>0",
    "a(>=1)", "a (>=1)", "a (>=1,<2)", "a ( >=1 , <2 )", "a()", "a ( )", "a(>=1", "a >=1)", "a (>=1) <2", "a (1.0)", "a (===x)", "a[x](>=1)", "a (>=1,)", "a ((>=1))", "a (>=1);os_name=='nt'",
    "a>=\n1", "a>=\u20031", "a >=1\n", "a\n>=1", "a>=1\x1f",
    "a@b", "a @ b", "a@ b", "a @b", "a @", "a@", "a @ ", "a @ b c", "a @ b ", "a @ b ;os_name=='nt'", "a @ b; os_name=='nt'", "a @ b;os_name=='nt'", "a @ b ; os_name == 'nt' ",
    "a[x] @ https://files.example/a-1.0-py3-none-any.whl#sha256=abc ; extra == 'Test'", "a @ git+https://git.example/a.git@v1#egg=a&subdirectory=x", "a @ file:///tmp/a", "a @ ../x", "a @ b >=1",
    "a @ b >=1 ; os_name == 'nt'", "a >=1 @ b", "a @ é", "a @ b\t;\tos_name=='nt'", "a @ gopher:/foo/com", "a @ ${X}/y",
    "a; os_name == 'nt'", "a;os_name == 'nt'", "a ; os_name", "a ; ", "a;;", "a; os_name == 'nt' garbage", "a; os_name == 'nt';", "a; foo == 'x'", "a>=1; (os_name == 'nt') or extra == 'A_b'",
    "a; extra == \"X.y\"", "a; \"X.y\" in extras", "a>=1;python_version<'3' # comment", "a # comment", "a==1 --hash=sha256:abc", "-r x", "a\\", "a[x]>=1,<2,!=1.5;sys_platform=='linux' and (extra=='b' or extra=='c')",
    "requests [security,tests] >= 2.8.1, == 2.8.* ; python_version < \"2.7\"", "pip @ https://files.example/pip/archive/1.3.1.zip#sha1=da9234ee9982d4bbb3c72346a6de940a148ea686",
    "torch==2.4.0+cu121", "nvidia-cublas-cu12==12.1.3.1 ; platform_system == \"Linux\" and platform_machine == \"x86_64\"", "zope.interface>3.5.0", "name>=3,<2", "name@http://foo.example",
    "A.B-C_D", "aa", "name1", "a<1", "foo==1.0.dev1+x.y_z", "foo!=1.0,!=1.0.0", "foo >=1,>=1.0", "foo~=1.0a1", "foo (==1.0.*)", "foo(~=1.0)", "foo>v1.0", "foo>=01.02", "x[a_B.c--d]~=1.2",
    "x>=1,<2 ; python_version in '2.7, 3.8'", "x; python_version not in \"3\"", "x;'nt'==os_name", "x >= 1.2.*", "x = 1", "x ~= 1.*", "x >dev", "x ===dev", "x <2019b", "x ==2004d", "x>=2013b0",
]


def requirement_pool():
    pool = set(REQUIREMENTS)
    pieces = ["a", "foo", "Foo_Bar", "[x]", "[x,y]", "[", "]", ">=1", "==1.0", "<2", ",", " ", " ", ";", "@", "(", ")", "os_name=='nt'", "extra == 'x'", "===z", "~=1.0", "'x'", "and", "b://c", ".", "-", "_", "=", "\t"]
    for _ in range(2500):
        text = "".join(rng.choice(pieces) for _ in range(rng.randint(2, 8)))
        if rng.random() < 0.15 or maybe(Requirement, text, InvalidRequirement) is not None:
            pool.add(text)
    return sorted(pool)


def requirements():
    pool = requirement_pool()
    valid = {t: r for t in pool if (r := maybe(Requirement, t, InvalidRequirement)) is not None}
    write("requirements", {
        # raw, name, extras, specifiers, URL, marker; in normal form
        "valid": [[t, canonicalize_name(r.name), sorted({canonicalize_name(e) for e in r.extras}), normal_specifiers(r.specifier), r.url or "", str(r.marker or "")]
                  for t, r in valid.items()],
        "invalid": [t for t in pool if t not in valid],
    })


# Tags and file names


def platforms(machine, glibc, musl):
    _manylinux._have_compatible_abi = lambda executable, archs: True
    _manylinux._get_manylinux_module = lambda: None
    _manylinux._get_glibc_version = lambda: _manylinux._GLibCVersion(*(glibc or (-1, -1)))
    _musllinux._get_musl_version = lambda executable: _musllinux._MuslVersion(*musl) if musl else None
    out = [f"linux_{machine}"]
    if glibc:
        out += _manylinux.platform_tags([machine])
    else:
        out += _musllinux.platform_tags([machine])
    return out


def target_tags(machine, python, threaded, glibc, musl):
    minor = python[1]
    interpreter = f"cp3{minor}"
    abi = interpreter + ("t" if threaded else "m" if minor < 8 else "")
    p = platforms(machine, glibc, musl)
    return [str(t) for t in itertools.chain(tags.cpython_tags(python, [abi], p), tags.compatible_tags(python, interpreter, p))]


def target_lists():
    out = []
    for machine, minor, threaded, glibc, musl in [
        ("x86_64", 12, False, (2, 36), None), ("aarch64", 12, False, (2, 36), None), ("x86_64", 13, True, (2, 28), None), ("x86_64", 15, True, (2, 41), None),
        ("x86_64", 7, False, (2, 17), None), ("aarch64", 9, False, (2, 31), None), ("x86_64", 11, False, None, (1, 2)), ("aarch64", 14, True, None, (1, 2)),
        ("x86_64", 15, False, (2, 4), None), ("aarch64", 10, False, (2, 16), None), ("x86_64", 3, False, (2, 5), None),
    ]:
        out.append({"machine": machine, "minor": minor, "threaded": threaded, "glibc": glibc, "musl": musl,
                    "tags": " ".join(target_tags(machine, (3, minor), threaded, glibc, musl))})
    return out


WHEELS = [
    "foo-1.0-py3-none-any.whl", "foo-1.0-1-py3-none-any.whl", "foo-1.0-1x_y-py3-none-any.whl", "foo-1.0-007b-py3-none-any.whl", "foo-1.0-x-py3-none-any.whl", "foo-1.0--py3-none-any.whl",
    "Foo_Bar.Baz-1.0-py2.py3-none-any.whl", "foo__bar-1.0-py3-none-any.whl", "foo-bar-1.0-py3-none-any.whl", "-1.0-py3-none-any.whl", "foo-1.0-py3-none-any.WHL", "foo-1.0-py3-none-any.zip",
    "foo-1.0-py3-none.whl", "foo-1.0-1-py3-none-any-extra.whl", "foo-1.0-1-py3-none-any-x-y.whl", "foo-x-py3-none-any.whl", "foo--py3-none-any.whl", "foo-1.0-3py-none-any.whl", "foo-1.0-py3..py2-none-any.whl",
    "foo-1.0-.py3-none-any.whl", "foo-1.0-py3--any.whl", "foo-1.0-py3-none-.whl", "foo-1.0-PY3-None-ANY.whl", "torch-2.4.0+cu121-cp312-cp312-linux_x86_64.whl", "torch-2.4.0_cu121-cp312-cp312-linux_x86_64.whl",
    "numpy-2.1.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "cryptography-43.0.0-cp39-abi3-manylinux_2_28_x86_64.whl", "a-1-cp313-cp313t-musllinux_1_2_x86_64.whl", "a-1-cp315-abi3.abi3t-linux_x86_64.whl",
    "a-1.0.post1-py3-none-any.whl", "a-1.0-1-1-py3-none-any.whl", "a-1!2.0-py3-none-any.whl", "é-1.0-py3-none-any.whl", "a b-1.0-py3-none-any.whl", "a@b-1.0-py3-none-any.whl", ".-1.0-py3-none-any.whl", "_-1.0-py3-none-any.whl",
    "a-1.0-py3+x-none-any.whl", "a-1.0-py3-no ne-any.whl", "a-1.0-9999999999999999999999-py3-none-any.whl", "a-1.0-00-py3-none-any.whl", "torch-2.8.0-cp312-cp312-manylinux_2_28_x86_64-cu128.whl",
    "torch-2.8.0-1-cp312-cp312-manylinux_2_28_x86_64-cu128.whl", "torch-2.8.0-cp312-cp312-manylinux_2_28_x86_64-null.whl", ".whl", "whl", "", "a-1.0-py3-none-any.whl.metadata", "a-1.0-py3-none-any.whl ", " a-1.0-py3-none-any.whl",
    "a-1.0 -py3-none-any.whl", "a-v1.0-py3-none-any.whl", "a-1.0_1-py3-none-any.whl", "tensorflow-2.17.0-cp312-cp312-macosx_12_0_arm64.whl", "pywin32-306-cp312-cp312-win_amd64.whl", "a-1-py²-none-any.whl", "a-1-pyé-none-any.whl",
    "a-1-py3-none-any\n.whl", "a\n-1-py3-none-any.whl", "a-1.0-1é-py3-none-any.whl", "a-1.0-١-py3-none-any.whl",
]
SDISTS = ["foo-1.0.tar.gz", "foo-1.0.zip", "Foo.Bar_x-1.0.tar.gz", "foo-bar-1.0.tar.gz", "foo-1.0.tar.bz2", "foo-1.0.tgz", "foo.tar.gz", "-1.0.tar.gz", "foo-.tar.gz", "foo-x.tar.gz", "foo-1.0-1.tar.gz", "foo-1.0.post1.tar.gz",
          "foo-1.0+local.tar.gz", ".tar.gz", "", "foo-1.0.TAR.GZ", "foo-1.0.tar.gz.asc", "foo-bar-baz.zip", "a--1.tar.gz", "foo-v1.0.zip", "foo-1.0.tar", "foo_1.0.tar.gz", "foo-1!2.tar.gz", "é-1.zip"]


def file_names():
    pool = set(WHEELS)
    pieces = ["a", "1.0", "-", "-", "py3", "none", "any", ".", "_", "1", "cp312", "x", "+l", "-1.0-py3-none-any"]
    for _ in range(600):
        text = "".join(rng.choice(pieces) for _ in range(rng.randint(3, 12))) + ".whl"
        if rng.random() < 0.3 or maybe(parse_wheel_filename, text, InvalidWheelFilename):
            pool.add(text)
    wheels = {t: w for t in sorted(pool) if (w := maybe(parse_wheel_filename, t, InvalidWheelFilename)) is not None}
    sdists = {t: s for t in SDISTS if (s := maybe(parse_sdist_filename, t, InvalidSdistFilename)) is not None}
    write("tags", {
        "targets": target_lists(),
        # file name, name, version, build number, build suffix, tags
        "wheels": [[t, n, str(v), str(b[0]) if b else "", b[1] if b else "", sorted(map(str, ts))] for t, (n, v, b, ts) in wheels.items()],
        "notWheels": [t for t in sorted(pool) if t not in wheels],
        "sdists": [[t, n, str(v)] for t, (n, v) in sdists.items()],
        "notSdists": [t for t in SDISTS if t not in sdists],
    })


versions()
specifiers()
markers()
requirements()
file_names()
