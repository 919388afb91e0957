package manifest

import (
	"strings"
	"testing"
)

// TestHash holds what changes the meaning of a manifest and what does not.
func TestHash(t *testing.T) {
	before := load(t, full).Hash()
	if len(before) != 64 || strings.Trim(before, "0123456789abcdef") != "" {
		t.Fatalf("hash %q", before)
	}
	edit := func(pairs ...string) string {
		text := full
		for i := 0; i < len(pairs); i += 2 {
			if strings.Count(text, pairs[i]) == 0 {
				t.Fatalf("%q is not in the manifest", pairs[i])
			}
			text = strings.Replace(text, pairs[i], pairs[i+1], 1)
		}
		return text
	}
	same := map[string]string{
		"comment":              edit("# everything", "# all of it"),
		"blank":                edit("name = \"digits\"", "name   =   \"digits\"\n\n"),
		"quotes":               edit(`"digits"`, `'digits'`),
		"tag":                  edit("tag = \"registry.example:5000/team/digits:v1\"\n", ""),
		"order of keys":        edit("user = \"root\"\nworkdir = \"/srv/app\"\n", "workdir = \"/srv/app\"\nuser = \"root\"\n"),
		"order of platforms":   edit(`["linux/arm64", "linux/amd64", "linux/amd64"]`, `["linux/amd64", "linux/arm64"]`),
		"spelling of versions": edit(`>=3.10, <3.13`, `<3.13,>=3.10`, `scikit-learn>=1.5`, `Scikit_Learn >= 1.5`),
		"order of packages":    edit(`["scikit-learn>=1.5", 'Num_Py ; python_version < "3.12"']`, `['num-py;python_version<"3.12"', "scikit-learn>=1.5"]`),
		"instant":              edit("as-of = 2024-03-01", "as-of = 2024-03-01T23:59:59Z"),
		"comment in a file":    edit("# comment", "# remark"),
		"name of a file":       edit(`requirements = ["requirements.txt"]`, `requirements = ["r.txt"]`, "-- requirements.txt --", "-- r.txt --"),
		"place of requirement": edit("attrs\n", "", "pandas[excel]", "attrs\npandas[excel]"),
		"port's protocol":      edit(`"8080", "53/udp", "8080/tcp"`, `"8080/tcp", "53/udp"`),
		"slash of an index":    edit("whl/cu126", "whl/cu126/"),
		"order of patterns":    edit(`["torch", "Torch_Vision", "nvidia-*"]`, `["nvidia-*", "torchvision", "torch"]`, "torchvision", "torch-vision"),
		"auto":                 edit("auto = true\n", ""),
		"index defaults":       edit("whl/cu126\"\n", "whl/cu126\"\nformat = \"simple\"\nundated = \"error\"\n"),
	}
	for name, text := range same {
		if load(t, text).Hash() != before {
			t.Errorf("%s: the hash changes", name)
		}
	}
	if want := "60909e5d3f35055ad366284b6688e2a7725468e3c534bb7875ced75e8c07c37c"; before != want {
		t.Errorf("the hash of an unchanged manifest is now %s: every lock would be stale", before)
	}
	seen := map[string]string{before: "nothing"}
	for name, text := range map[string]string{
		"name": edit(`"digits"`, `"digit"`), "python": edit("<3.13", "<3.14"), "dependency": edit("scikit-learn>=1.5", "scikit-learn>=1.6"),
		"marker": edit(`< "3.12"`, `< "3.11"`), "extra": edit("pandas[excel]", "pandas"), "group": edit(`groups = ["train"]`, `groups = ["base"]`),
		"group's content": edit("pyyaml", "pyyaml>=6"), "platform": edit(`["linux/arm64", `, `[`), "as-of": edit("2024-03-01", "2024-03-02"),
		"duration": edit("as-of = 2024-03-01", `as-of = "7 days"`), "system as-of": edit("pockets = ", "as-of = 2024-03-01\npockets = "), "pockets": edit(`"security", `, ""), "command": edit(`"train.py"]`, `"test.py"]`),
		"order of command": edit(`["python", "train.py"]`, `["train.py", "python"]`), "include": edit(`"*.py"`, `"*.txt"`), "env": edit(`"1"`, `"2"`),
		"port": edit("53/udp", "53/tcp"), "volume": edit("/data", "/date"), "user": edit("root", "app"), "workdir": edit("/srv/app", "/srv/a"),
		"label": edit("Digits", "digits"), "index": edit("whl/cu126", "whl/cu128"), "index name": edit("pytorch-cu126", "torch"),
		"index format": edit("whl/cu126\"\n", "whl/cu126\"\nformat = \"flat\"\n"), "index undated": edit("whl/cu126\"\n", "whl/cu126\"\nundated = \"use\"\n"),
		"index path": edit("[resolver]", "[[index]]\nname = 'p'\npath = 'a'\n[resolver]"), "other path": edit("[resolver]", "[[index]]\nname = 'p'\npath = 'b'\n[resolver]"),
		"index packages": edit(`"nvidia-*"`, `"nvidia*"`), "prereleases": edit("explicit", "allow"), "constraint": edit(`"<2"`, `"<3"`),
		"auto": edit("auto = true", "auto = false"), "expired": edit("auto = true", "accept-expired = true"),
		"system package": edit("auto = true", `packages = ["ffmpeg"]`), "its version": edit("auto = true", `packages = ["ffmpeg=7"]`),
		"base image":  edit(`distro = "debian:12"`, `image = "debian:12"`),
		"interpreter": edit("auto = true", `python-archive = { path = "p.tar.gz", sha256 = "1111111111111111111111111111111111111111111111111111111111111111" }`),
		"archive":     edit("[resolver]", "[[apt]]\nname = 'a'\nurl = 'https://apt.example'\nsuite = '/'\nkey = 'requirements.txt'\n[resolver]"),
		"its key":     edit("[resolver]", "[[apt]]\nname = 'a'\nurl = 'https://apt.example'\nsuite = '/'\nkey = 'pyproject.toml'\n[resolver]"),
		"override":    edit("[resolver]", "[overrides]\nsix = '<1'\n[resolver]"), "its bounds": edit("[resolver]", "[overrides]\nsix = '<2'\n[resolver]"),
		"excluded": edit("[resolver]", "[resolver]\nexclude = ['six']"),
		"policy":   edit("[resolver]", "[resolver.packages.six]\nas-of = 'none'\n[resolver]"), "its as-of": edit("[resolver]", "[resolver.packages.six]\nas-of = 2024-01-01\n[resolver]"),
		"its prereleases": edit("[resolver]", "[resolver.packages.six]\nprereleases = 'allow'\n[resolver]"),
		"metadata":        edit("[resolver]", "[metadata.six]\nrequires = []\n[resolver]"), "its requirement": edit("[resolver]", "[metadata.six]\nrequires = ['a']\n[resolver]"),
		"its python": edit("[resolver]", "[metadata.six]\npython = ''\n[resolver]"), "its extras": edit("[resolver]", "[metadata.six]\npython = ''\nextras = []\n[resolver]"),
		"build": edit("[resolver]", "[build.six]\n[resolver]"), "its requires": edit("[resolver]", "[build.six]\nrequires = ['a']\n[resolver]"),
		"isolation": edit("[resolver]", "[build.six]\nisolation = false\n[resolver]"), "its env": edit("[resolver]", "[build.six.env]\nA = '1'\n[resolver]"),
		"its packages": edit("[resolver]", "[build.six]\npackages = ['cmake']\n[resolver]"), "its patch": edit("[resolver]", "[build.six]\npatches = ['requirements.txt']\n[resolver]"),
		"another patch": edit("[resolver]", "[build.six]\npatches = ['pyproject.toml']\n[resolver]"),
		"free-threaded": edit(`>=3.10, <3.13`, `>=3.13t`), "not free-threaded": edit(`>=3.10, <3.13`, `>=3.13`),
		"C library": edit(`distro = "debian:12"`, `distro = "none"
libc = "musl  1.2"`), "version of the C library": edit(`distro = "debian:12"`, `distro = "none"
libc = "musl 1.1"`),
		"GPU": edit("[resolver]", "[gpu]\n[resolver]"), "CUDA": edit("[resolver]", "[gpu]\ncuda = '12'\n[resolver]"), "driver": edit("[resolver]", "[gpu]\nmin-driver = '535'\n[resolver]"),
		"device": edit("[resolver]", "[gpu]\ndevices = ['A100']\n[resolver]"), "other device": edit("[resolver]", "[gpu]\ndevices = ['A100', 'H100']\n[resolver]"),
		"versions of it": edit("[resolver]", "[metadata.six]\nversion = '<2'\nrequires = []\n[resolver]"),
		"file":           edit("attrs\n", "attrs<30\n"), "other kind of hash": edit("--hash=sha256:1111", "--hash=sha512:"+strings.Repeat("2", 128)+" --hash=sha256:1111"), "hash of a file": edit("--hash=sha256:1111", "--hash=sha256:1112"), "no wheels in a file": edit("attrs\n", "attrs\n--no-binary attrs\n"), "constraint in a file": edit("urllib3<2", "urllib3<3"),
	} {
		hash := load(t, text).Hash()
		if other, there := seen[hash]; there {
			t.Errorf("%s: the same hash as %s", name, other)
		}
		seen[hash] = name
	}
	plain := load(t, without).Hash()
	if load(t, without+"[[index]]\ndefault = true\nundated = 'error'\n").Hash() != plain {
		t.Error("the default policy of the default index changes the hash")
	}
	if load(t, without+"[[index]]\ndefault = true\nundated = 'skip'\n").Hash() == plain {
		t.Error("the policy of the default index does not change the hash")
	}
	if load(t, without+"[gpu]\ncuda = 'auto'\n").Hash() != load(t, without+"[gpu]\n").Hash() {
		t.Error("the default of gpu.cuda changes the hash")
	}
	if load(t, without+"[gpu]\ndevices = ['A100', 'H100']\n").Hash() != load(t, without+"[gpu]\ndevices = ['H100', 'A100']\n").Hash() {
		t.Error("the order of devices changes the hash")
	}
}

const without = "-- envpack.toml --\n[project]\nname = 'x'\npython = '3.11'\n"
