"""Write what pip reads in requirements files, for internal/manifest to agree with.

    python3.11 -m venv /tmp/pip && /tmp/pip/bin/pip install 'pip>=26.3'
    /tmp/pip/bin/python testdata/oracle/reqfile.py

Each case is a folder of files of which requirements.txt is read, and what pip makes of it: requirements, or the
fact that it refuses. The folder stands as ROOT in addresses.
"""

import base64
import contextlib
import gzip
import io
import json
import logging
import optparse
import os
import pathlib
import sys
import tempfile

import pip
from pip._internal.exceptions import PipError
from pip._internal.index.collector import LinkCollector
from pip._internal.index.package_finder import PackageFinder
from pip._internal.models.format_control import FormatControl
from pip._internal.models.release_control import ReleaseControl
from pip._internal.models.search_scope import SearchScope
from pip._internal.models.selection_prefs import SelectionPreferences
from pip._internal.network.session import PipSession
from pip._internal.req.constructors import install_req_from_parsed_requirement
from pip._internal.req.req_file import parse_requirements
from pip._internal.req.req_install import check_invalid_constraint_type
from pip._vendor.packaging.utils import canonicalize_name
from pip._vendor.packaging.version import Version

HERE = pathlib.Path(__file__).parent
logging.disable(logging.CRITICAL)
S256, S384, S512 = "0123456789abcdef" * 4, "0123456789abcdef" * 6, "0123456789abcdef" * 8
OTHER = "f" * 64
WHEEL = "demo-1.0-py3-none-any.whl"
os.environ["REQFILE_VERSION"] = "1.0"
os.environ.pop("REQFILE_UNSET", None)

CASES = {}


def case(name, text, **others):
    assert name not in CASES, name
    files = {"requirements.txt": text}
    files.update({key.replace("__", "/").replace("_txt", ".txt"): value for key, value in others.items()})
    CASES[name] = {key: value if isinstance(value, bytes) else value.encode() for key, value in files.items()}


def lines(prefix, texts):
    for i, text in enumerate(texts):
        case(f"{prefix} {i:02}: {text[:60]!r}", text + "\n")


# Comments, blanks and line ends
lines("comment", [
    "# nothing\na", "a # behind", "a#b", "a==1.0#b", "a==1.0 #b", "a==1.0\t#b", "a #", "#", "  # indented", "a\n\n\n# x\n\nb", "a ; python_version > '3' # c",
    "demo @ https://files.example/" + WHEEL + "#sha256=" + S256, "demo @ https://files.example/" + WHEEL + " # not a fragment",
    "demo @ https://files.example/" + WHEEL + " #sha256=" + S256, "a  ##  b", "a\u00a0# no-break blank before", "a\u2003# em blank before", "a==1.0 # ${REQFILE_VERSION}",
    "a \\\n# comment ends it\nb", "a \\\n  # comment ends it\nb", "a # comment \\\nb", "# comment \\\nb", "#\\\nb", "a\\\n#b", "a==1.0\\\n#b",
])
lines("continued", [
    "a\\\n==1.0", "a \\\n  ==1.0", "a \\\n", "a\\", "\\\na", "\\\n\\\na", "a \\\n\n b", "a \\\n\\\n==1.0", "a\\\\\n==1.0", "\\a\\\n==1.0", "a \\ \nb", "a==\\\n1.0",
    "a>=1,\\\n<2", "a ; \\\npython_version > '3'", "a --hash=sha256:" + S256 + " \\\n", "a \\\n    --hash=sha256:" + S256, "a==1 \\\n--hash=sha256:" + S256 + " \\\n--hash=sha256:" + OTHER,
    "a==1 \\\n\t--hash=sha256:" + S256, "a==1 --hash=\\\nsha256:" + S256, "a==1 --hash=sha256:\\\n" + S256, "-r \\\nother.txt", "a==1\\\n --hash=sha256:" + S256 + "\\\n --hash=sha256:" + OTHER,
])
for end in ["\n", "\r\n", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\n\r", "\x1f", "\x00"]:
    case(f"line end {end!r}", f"a==1{end}b==2{end}")
    case(f"line end, continued {end!r}", f"a \\{end}==1{end}b==2")
for blank in [" ", "\t", "\u00a0", "\u1680", "\u2000", "\u2003", "\u202f", "\u205f", "\u3000", "\u200b", "\ufeff", "\x1f", "\f"]:
    case(f"blank around {blank!r}", f"{blank}a==1{blank}\n")
    case(f"blank within {blank!r}", f"a{blank}=={blank}1\n")
    case(f"blank before comment {blank!r}", f"a==1{blank}# x\n")
    case(f"blank before hash {blank!r}", f"a==1{blank}--hash=sha256:{S256}\n")
case("empty", b"")
case("only blanks", b" \n\t\n\r\n")
case("no line end", b"a")
case("long line", "a" + ",".join(f"!=1.{i}" for i in range(5000)) + "\n")
case("long continued", "a" + ",\\\n".join(f"!=1.{i}" for i in range(2000)) + "\n")
case("long comment", "#" + "x" * 100000 + "\na\n")
case("many hashes", "a==1" + "".join(f" \\\n    --hash=sha256:{i:064x}" for i in range(500)) + "\n")

# Encodings
for name in ["utf-8-sig", "utf-16", "utf-32"]:
    case("encoding " + name, "# é\na==1.0  # ü\nb\n".encode(name))
for name, mark in [("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff"), ("utf-32-le", b"\xff\xfe\0\0"), ("utf-32-be", b"\0\0\xfe\xff")]:
    case("mark " + name, mark + "# é\r\na==1.0\r\nb".encode(name))
    case("cut short " + name, mark + "a==1.0\nb".encode(name)[:-1])
for name in ["latin-1", "latin1", "iso-8859-1", "ISO_8859_1", "cp1252", "windows-1252", "ascii", "utf-8", "utf8", "koi8-r", "nonsense"]:
    case("coding " + name, f"# -*- coding: {name} -*-\n# ".encode() + b"\xe9\x93\na==1.0\n")
    case("coding ascii text " + name, f"# coding={name}\na==1.0\n".encode())
case("coding second line", b"# first\n# vim: set fileencoding=latin-1 :\n# \xe9\na\n")
case("coding third line", b"# first\n# second\n# coding: latin-1\n# \xe9\na\n")
case("coding not first", b"a\n# coding: latin-1\n# \xe9\n")
case("coding behind", b"a  # coding: latin-1 \xe9\n")
case("not utf-8", b"a\n# \xe9\n")

# Files that name files
for spelling in ["-r other.txt", "-rother.txt", "-r  other.txt", "-r=other.txt", "--requirement other.txt", "--requirement=other.txt", "--requirement = other.txt", "--req other.txt",
                 "--requirement='other.txt'", '-r "other.txt"', "-r 'ot'her.txt", "-r ot\\her.txt", "-r other.txt # comment", "-r", "--requirement", "--requirement=", "-r other.txt b",
                 "-r other.txt -r third.txt", "-r other.txt -c third.txt", "-r./other.txt", "-r sub/../other.txt", "-r missing.txt", "-r ''", "-r 'other.txt", "-r file:other.txt",
                 "-r ROOT/other.txt", "-r https://files.example/other.txt", "b -r other.txt", "-ROTHER", "--Requirement other.txt", "-r 'other file.txt'", "-r \"other file.txt\"", "-r other\\ file.txt"]:
    case("file " + spelling, f"a\n{spelling}\n", other_txt="x==1\n", third_txt="y==2\n", **{"other file.txt": "z==3\n", "=other.txt": "w\n"})
    case("bounds " + spelling, "a\n" + spelling.replace("requirement", "constraint").replace("-r", "-c") + "\n", other_txt="x==1\n", third_txt="y==2\n",
         **{"other file.txt": "z==3\n", "=other.txt": "w\n"})
case("nested", "a\n-r sub/one.txt\n", sub__one_txt="b\n-r two.txt\n-c ../bounds.txt\n", sub__two_txt="c\n", bounds_txt="d<2\n")
case("nested twice", "-r one.txt\n-r one.txt\n", one_txt="a\n")
case("nested diamond", "-r one.txt\n-r two.txt\n", one_txt="-r three.txt\na\n", two_txt="-r three.txt\nb\n", three_txt="c\n")
case("bounds and files", "-r one.txt\n-c one.txt\n", one_txt="a<2\n")
case("files within bounds", "-c one.txt\n", one_txt="a<2\n-r two.txt\n", two_txt="b\n")
case("bounds within bounds", "-c one.txt\n", one_txt="a<2\n-c two.txt\n", two_txt="b\n")
case("cycle of one", "-r requirements.txt\n")
case("cycle of two", "-r one.txt\n", one_txt="-r requirements.txt\n")
case("cycle of three", "-r one.txt\n", one_txt="-r two.txt\n", two_txt="a\n-r one.txt\n")
case("cycle with bounds", "-c one.txt\n", one_txt="-r requirements.txt\na\n")
case("cycle of other spellings", "-r ./sub/one.txt\n", sub__one_txt="-r ../sub/./one.txt\n")

# Hashes
lines("hash", [
    "a==1 --hash=sha256:" + S256, "a==1 --hash sha256:" + S256, "a==1 --hash  sha256:" + S256, "a==1 --hash='sha256:" + S256 + "'", 'a==1 --hash="sha256:' + S256 + '"',
    "a==1 --hash=sha256:" + S256.upper(), "a==1 --hash=SHA256:" + S256, "a==1 --hash=sha384:" + S384, "a==1 --hash=sha512:" + S512, "a==1 --hash=md5:" + S256[:32], "a==1 --hash=sha1:" + S256[:40],
    "a==1 --hash=sha224:" + S256[:56], "a==1 --hash=sha256:" + S256 + " --hash=sha512:" + S512 + " --hash=sha384:" + S384, "a==1 --hash=sha256:" + S256 + " --hash=sha256:" + OTHER,
    "a==1 --hash=sha256:" + S256 + " --hash=sha256:" + S256, "a==1 --hash", "a==1 --hash=", "a==1 --hash=sha256", "a==1 --hash=sha256:", "a==1 --hash=" + S256, "a==1 --hash=sha256:" + S256[:-1],
    "a==1 --hash=sha256:" + S256[:-1] + "g", "a==1 --hash=sha256=" + S256, "a==1 --hash =sha256:" + S256, "--hash=sha256:" + S256, "a --hash=sha256:" + S256, "a>=1 --hash=sha256:" + S256,
    "a==1 --has=sha256:" + S256, "a==1 --h sha256:" + S256, "a==1 ; python_version > '3' --hash=sha256:" + S256, "a==1 --hash=sha256:" + S256 + " ; python_version > '3'",
    "a==1 --hash=sha256:" + S256 + " b", "a==1--hash=sha256:" + S256, "a==1\t--hash=sha256:" + S256, "a==1 --hash=sha256:" + S256 + "\t--hash=sha256:" + OTHER, "a==1 --hash:sha256:" + S256,
    "--require-hashes\na==1 --hash=sha256:" + S256, "--no-require-hashes\na==1 --hash=sha256:" + S256, "--require-hashes=1\na==1", "demo @ https://files.example/" + WHEEL + " --hash=sha256:" + S256,
    "https://files.example/" + WHEEL + " --hash=sha256:" + S256, "demo @ https://files.example/" + WHEEL + "#sha256=" + S256 + " --hash=sha256:" + S256, "-c bounds\na --hash",
    "a[b]==1 --hash=sha512:" + S512, "a==1 -–hash=sha256:" + S256,
])
case("hash in bounds", "a\n-c bounds.txt\n", bounds_txt="a==1 --hash=sha256:" + S256 + "\n")

# Options of the file
lines("option", [
    "--pre", "--pre\na", "--pr\na", "-i https://packages.example/simple\na", "-ihttps://packages.example/simple\na", "--index-url=https://packages.example/simple\na", "--pypi-url https://packages.example/simple\na",
    "--extra-index-url https://packages.example/simple\na", "--no-index\na", "-f ./wheels\na", "--find-links=https://packages.example/links\na", "--trusted-host packages.example\na", "--use-feature=fast-deps\na",
    "--use-feature nonsense\na", "--prefer-binary\na", "--prefer-binary=1\na", "--prefer\na", "--no-binary a\na", "--no-binary=A,B_c\na", "--no-binary :all:\na", "--no-binary :none:\na", "--no-binary a --only-binary a\na",
    "--no-binary a\n--only-binary a\na", "--only-binary a\n--no-binary a\na", "--no-binary a\n--only-binary :all:\na", "--only-binary :all:\na", "--only-binary=:all:\n--no-binary b\na", "--only-binary :all:,:none:,a\na",
    "--no-binary a\n--no-binary :none:\na", "--only-binary\na", "--only-binary=:none:\na", "--no-binary a,:none:,b\na", "--no-binary -x\na", "--all-releases a\na", "--only-final a\na", "--all-releases :all:\na",
    "--no-index --find-links ./wheels\na", "--pre --prefer-binary\na", "--prefer-binary --only-binary :all:\na", "--prefer-binary x\na", "--unknown\na", "--unknown=1\na", "-x\na", "-\na", "--\na", "--no\na",
    "--config-settings=a=b\na", "a --config-settings=a=b", 'a --config-settings="a=b c"', "a -C a=b", "a --config-setting a=b", "a --global-option=x", 'a --global-option="x"', "a --install-option=x", "a --pre", "a --prefer-binary",
    "a --no-binary a", "a -e .", "a -i https://packages.example/simple", "a --unknown", "a -x", "a -", "a --", "a - b", "--always-unzip\na", "-Z\na", "--use-wheel\na", "--no-use-wheel\na", "--allow-external a\na",
    "--process-dependency-links\na", "--build-constraint x\na", "--no-deps\na", "--upgrade\na", "--group x\na", "a --prefer-binary 'x", "--help\na", "-h\na", "-q\na", "a --hash=sha256:" + S256 + " --pre",
])

# Requirements
lines("requirement", [
    "a", "A", "A.b_C-d", "a-", "-a", "_a", "a_", "a.", "0", "é", "a é", "a b", "a,b", "a;", "a ;", "a ; ", "a==1;", "a[b]", "a[B_c,d]", "a[b, d ]", "a[]", "a[b", "a[b]]", "a [b]", "a[b]==1", "a[b,]", "a[,b]", "a[b c]",
    "a==1", "a == 1", "a ==1.0.*", "a!=1.*", "a~=1.2", "a~=1", "a>=1.*", "a===foo", "a===1.0.0", "a<1,>0", "a<1,>0,", "a<1,,>0", "a,<1", "a>=1 , <2", "a (>=1)", "a(>=1)", "a(==1,<2)", "a (>=1) ; os_name=='x'", "a ()", "a(>=1",
    "a>=1)", "a=1", "a=>1", "a>=", "a>=x", "a>=2004d", "a==2004d", "a<=0.9.0.0_rc1", "a==1.0-custom", "a>=1.0-1", "a==1.0+local", "a>=1.0+local", "a==1!2.0", "a==v1.0", "a==1.0a", "a==1.0.alpha.1", "a== 1.0 ", "a==1 2", "a<>1",
    "a>=1 <2", "a^1", "a==*", "a*", "a>=1.0.0-beta", "a>=1.0.0beta_2", "a;python_version<'3'", "a; python_version < '3' and os_name == \"posix\"", "a; extra == 'x'", "a[x]; extra == 'x'", "a; python_version", "a; (os_name=='a' or os_name=='b') and extra=='x'",
    "a; python_full_version >= '3.11.4'", "a; platform_machine in 'x86_64 aarch64'", "a; 'linux' in sys_platform", "a; os.name=='posix'", "a; python_version in '2.7, 3.11'", "a; python_version not in '2.7'", "a; foo=='x'", "a; os_name='x'",
    "a; os_name==x", "a;; os_name=='x'", "a; os_name=='x' ; os_name=='y'", "a>=1; os_name == 'a;b'", "a ; os_name == '#'", "a ; os_name == ' #'", "a ; os_name == ' -x'", "a ; python_version>'3'and os_name=='x'", "a; os_name == 'x' # c",
    "a==${REQFILE_VERSION}", "a==${REQFILE_UNSET}", "a==$REQFILE_VERSION", "a==${reqfile_version}", "demo @ https://${REQFILE_VERSION}/" + WHEEL, "a # ${REQFILE_VERSION}", "a==\"1.0\"", "'a'", "\"a\"", "a@1", "a @ 1", "<<<<<<< ours", "a\n=======\nb", "a\\b",
    "a/b", "a.whl", "a.tar.gz", "a==1.tar.gz", "a\0b", "$a", "%a", "!a", "a!", "(a)", "a:b", "a : b", "a\tb", "a\t==1", "a==1\tb", "import os", "[section]", "a = '1'", "- a", "* a", "a >= 1 ; ", "a>=1;python_version>='3.0'#c",
])

# Addresses and paths
lines("address", [
    "demo @ https://files.example/" + WHEEL, "demo@https://files.example/" + WHEEL, "demo@ https://files.example/" + WHEEL, "demo[x] @ https://files.example/" + WHEEL, "demo @ https://files.example/" + WHEEL + " ; os_name == 'x'",
    "demo @ https://files.example/" + WHEEL + ";os_name == 'x'", "demo @ https://files.example/" + WHEEL + "; os_name == 'x'", "https://files.example/" + WHEEL, "https://files.example/" + WHEEL + " ; os_name == 'x'",
    "https://files.example/" + WHEEL + "; os_name == 'x'", "https://files.example/" + WHEEL + ";os_name=='x'", "https://files.example/" + WHEEL + "#sha256=" + S256, "https://files.example/" + WHEEL + "#md5=" + S256[:32],
    "https://files.example/demo-1.0.tar.gz", "https://files.example/demo-1.0.tar.gz#egg=demo", "https://files.example/demo-1.0.zip#egg=demo&subdirectory=x", "https://files.example/archive/main.tar.gz#egg=demo", "https://files.example/archive/main.tar.gz",
    "https://files.example/archive/main.tar.gz#egg=demo[x]", "demo @ https://files.example/demo-1.0.tar.gz", "demo @ https://files.example/demo-1.0.tar.bz2", "demo @ https://files.example/", "other @ https://files.example/" + WHEEL,
    "HTTPS://files.example/" + WHEEL, "http://files.example/" + WHEEL, "ftp://files.example/" + WHEEL, "https://files.example/a%20b/" + WHEEL, "https://files.example/" + WHEEL + "?x=y", "https://files.example/demo-1.0+local.1-py3-none-any.whl",
    "https://files.example/demo-1.0%2Blocal.1-py3-none-any.whl", "https://files.example/demo-1.0.whl", "https://user:secret@files.example/" + WHEEL, "demo @ https://user:secret@files.example/" + WHEEL,
    "git+https://git.example/team/demo", "git+https://git.example/team/demo#egg=demo", "git+https://git.example/team/demo@v1#egg=demo", "git+https://git.example/team/demo.git@v1#egg=demo&subdirectory=x", "demo @ git+https://git.example/team/demo@v1",
    "demo @ git+ssh://git@git.example/team/demo", "git+ssh://git@git.example/team/demo#egg=demo", "demo @ git+file:///srv/demo", "git+git@git.example:team/demo#egg=demo", "hg+https://git.example/demo#egg=demo", "demo @ svn+https://git.example/demo", "-e git+https://git.example/team/demo#egg=demo",
    "-e demo @ git+https://git.example/team/demo", "-e 'demo @ git+https://git.example/team/demo'", "-e git+https://git.example/team/demo", "./" + WHEEL, WHEEL, "./wheels/" + WHEEL, "wheels/" + WHEEL, "./" + WHEEL + "[x]", "./" + WHEEL + " ; os_name == 'x'",
    "./" + WHEEL + ";os_name=='x'", "demo @ ./" + WHEEL, "demo @ file:" + WHEEL, "demo @ file:./" + WHEEL, "demo @ file://ROOT/" + WHEEL, "file:" + WHEEL, "file:./" + WHEEL, "file:///ROOT/" + WHEEL, "file://ROOT/" + WHEEL, "ROOT/" + WHEEL, "demo @ ROOT/" + WHEEL,
    "file://localhostROOT/" + WHEEL, "file://elsewhere/" + WHEEL, "file:///srv/" + WHEEL, "file:///srv/a%20b/" + WHEEL, "/srv/" + WHEEL, "./missing-1.0-py3-none-any.whl", "./folder", "./folder/", "folder", "folder/", "./folder[x]", "./folder ; os_name=='x'", "-e ./folder",
    "-e folder", "-e ./folder[x]", "-e./folder", "--editable=./folder", "--editable ./folder", "--editable './folder'", "-e 'fol'der", "-e", "-e ''", "-e a", "-e a==1", "-e ./" + WHEEL, "-e https://files.example/" + WHEEL, "-e ./folder -e ./folder", "-e ./folder --hash=sha256:" + S256,
    "-e ./folder ; os_name=='x'", "-e file:./folder", "-e file://ROOT/folder#egg=folder", "demo @ file://ROOT/folder", "folder @ file://ROOT/folder", "./nothing", "./empty", ".", "-e .", "..", "~/x", "./" + WHEEL + "#sha256=" + S256,
    "./demo-1.0.tar.gz", "./demo-1.0.zip", "demo @ https://files.example/" + WHEEL + "#egg=demo", "demo @ https://files.example/" + WHEEL + "#sha512=" + S512, "demo @ https://files.example/" + WHEEL + "#nonsense", "demo @ ${REQFILE_VERSION}", "demo @", "@ https://x.example",
    "demo (@ https://x.example)", "demo>=1 @ https://files.example/" + WHEEL, "demo @ https://files.example/" + WHEEL + " >=1", "demo @ https://files.example/a b/" + WHEEL, "demo @ \\\\server\\" + WHEEL, "demo[a]@https://files.example/" + WHEEL + " ; extra == 'b'",
])
for text in ["a<2", "a[b]<2", "a<2; os_name=='x'", "a", "a==1 --hash=sha512:" + S512, "demo @ https://files.example/" + WHEEL, "https://files.example/" + WHEEL, "demo @ https://files.example/" + WHEEL + "#sha256=" + S256,
             "git+https://git.example/demo#egg=demo", "./folder", "-e ./folder", "./" + WHEEL, "demo[x] @ https://files.example/" + WHEEL, "demo @ https://files.example/" + WHEEL + " ; os_name=='x'", "a<2 --pre", "--pre", "--no-binary a",
             "https://files.example/archive/main.tar.gz", "https://files.example/demo-1.0.tar.gz#egg=demo", "demo @ git+https://git.example/team/demo@v1"]:
    case("constraint " + text, "a\n-c bounds.txt\n", bounds_txt=text + "\n")

TREE = {"folder/pyproject.toml": b'[project]\nname = "folder"\nversion = "1.0"\n', "empty/x": b"", WHEEL: b"", "wheels/" + WHEEL: b"", "demo-1.0.tar.gz": b"", "demo-1.0.zip": b""}


def normal_specifiers(s):
    def one(spec):
        if spec.operator == "===":
            return str(spec)
        text, star = (spec.version[:-2], ".*") if spec.version.endswith(".*") else (spec.version, "")
        return spec.operator + str(Version(text)) + star

    return ",".join(sorted({one(spec) for spec in s}))


def read(root):
    session = PipSession()
    finder = PackageFinder.create(
        link_collector=LinkCollector(session, SearchScope.create([], ["https://packages.example/simple"], False)),
        selection_prefs=SelectionPreferences(allow_yanked=False, format_control=FormatControl(), release_control=ReleaseControl()),
    )
    options = optparse.Values({"require_hashes": False, "no_require_hashes": False, "features_enabled": []})
    out = []
    for parsed in parse_requirements("requirements.txt", session=session, finder=finder, options=options):
        req = install_req_from_parsed_requirement(parsed)
        if req.constraint and (problem := check_invalid_constraint_type(req)):
            raise PipError(problem)
        link = req.link.url.replace(root, "ROOT") if req.link else ""
        out.append({
            "name": canonicalize_name(req.name) if req.name else "", "extras": sorted(canonicalize_name(e) for e in req.extras),
            "specifiers": normal_specifiers(req.req.specifier) if req.req and not req.link else "", "marker": str(req.markers or ""),
            "hashes": sorted({f"{algorithm}:{h.lower()}" for algorithm, all in req.hash_options.items() for h in all}),
            "link": link, "constraint": req.constraint, "editable": req.editable,
        })
    control = finder.format_control
    return out, sorted(control.no_binary), sorted(control.only_binary)


def main():
    cases = []
    home = os.getcwd()
    for name, files in CASES.items():
        with tempfile.TemporaryDirectory() as root:
            root = os.path.realpath(root)
            for path, data in {**TREE, **files}.items():
                target = pathlib.Path(root, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data.replace(b"ROOT", root.encode()))
            os.chdir(root)
            entry = {"name": name, "files": {p: base64.b64encode(d).decode() for p, d in files.items()}}
            try:
                with contextlib.redirect_stderr(io.StringIO()):  # optparse prints its usage
                    entry["requirements"], entry["no_binary"], entry["only_binary"] = read(root)
            except (PipError, UnicodeError, ValueError, LookupError, OSError, AssertionError) as e:
                entry["refused"] = type(e).__name__
            except SystemExit:
                entry["refused"] = "SystemExit"
            os.chdir(home)
            cases.append(entry)
    tree = {p: base64.b64encode(d).decode() for p, d in TREE.items()}
    text = json.dumps({"pip": pip.__version__, "tree": tree, "cases": cases}, ensure_ascii=True, separators=(",", ":")).encode()
    packed = gzip.compress(text, 9, mtime=0)
    (HERE / "reqfile.json.gz").write_bytes(packed)
    refused = sum("refused" in c for c in cases)
    print(f"reqfile: {len(cases)} cases, {refused} refused, {len(text)} bytes, {len(packed)} packed", file=sys.stderr)


main()
