package address

import (
	"strings"
	"testing"

	"github.com/envpack/envpack/importer/draft"
)

func TestRefer(t *testing.T) {
	const commit = "0123456789012345678901234567890123456789"
	for _, c := range []struct{ name, text, folder, wantName, address, note, fails string }{
		{"", "git+https://code.example/team/tool.git@v1.0#egg=tool[gpu]&subdirectory=py", ".", "tool", "git+https://code.example/team/tool.git@v1.0#subdirectory=py", "", ""},
		{"", "git+https://code.example/team/tool.git", ".", "tool", "git+https://code.example/team/tool.git", "", ""},
		{"", "git+git@code.example:team/tool.git@" + commit, ".", "tool", "git+ssh://git@code.example/team/tool.git@" + commit, "written", ""},
		{"", "git@code.example:team/tool.git", ".", "tool", "git+ssh://git@code.example/team/tool.git", "written", ""},
		{"", "git+git://github.com/a/b.git#egg=b", ".", "b", "git+https://github.com/a/b.git", "by https", ""},
		{"", "git+https://me:secret@code.example/a/b", ".", "b", "git+https://code.example/a/b", "credentials", ""},
		{"", "git+ssh://git@code.example/a/b", ".", "b", "git+ssh://git@code.example/a/b", "", ""},
		{"", "https://files.example/a_b-1.0-py3-none-any.whl", ".", "a-b", "https://files.example/a_b-1.0-py3-none-any.whl", "", ""},
		{"", "https://code.example/team/tool/archive/main.zip", ".", "tool", "https://code.example/team/tool/archive/main.zip", "", ""},
		{"", "https://code.example/team/tool/-/archive/main/tool-main.tar.gz", ".", "tool", "https://code.example/team/tool/-/archive/main/tool-main.tar.gz", "", ""},
		{"", "../wheels/a-1.0-py3-none-any.whl", "sub", "a", "./wheels/a-1.0-py3-none-any.whl", "", ""},
		{"demo", "./libs/demo", ".", "demo", "./libs/demo", "", ""},
		{"certifi", "file:///croot/certifi_1665076670883/work/certifi", ".", "certifi", "", "built by conda", ""},
		{"numpy", "file:///home/conda/feedstock_root/build_artifacts/numpy_1610324545699/work", ".", "numpy", "", "built by conda", ""},
		{"idna", "file:///tmp/build/80754af9/idna_1637925883363/work", ".", "idna", "", "built by conda", ""},
		{"six", "file:///C:/ci_311/six_1676425405541/work", ".", "six", "", "built by conda", ""},
		{"pip", "file:///private/var/folders/sy/f16zz6x50xz3113nwtb9bvq00000gp/T/abs_a/croots/recipe/pip_1/work", ".", "pip", "", "built by conda", ""},
		{"mine", "file:///home/me/work", ".", "", "", "", "another machine"},
		{"", "file:///srv/wheels/a-1.5-py3-none-any.whl", ".", "a", "", "another machine", ""},
		{"demo", "file:///home/me/demo", ".", "", "", "", "another machine"},
		{"", "svn+https://code.example/x", ".", "", "", "", "only git is known"},
		{"", "https://files.example/readme.html", ".", "", "", "", "neither to a wheel"},
	} {
		r, err := Refer(c.name, c.text, c.folder)
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%s: %v, want %s", c.text, err, c.fails)
			}
			continue
		}
		if err != nil || r.Name != c.wantName || r.Address != c.address || !strings.Contains(r.Note, c.note) || (c.note == "") != (r.Note == "") {
			t.Errorf("%s: %+v, %v", c.text, r, err)
		}
		if strings.Contains(r.Address+r.Note, "secret") {
			t.Errorf("%s: a password is shown: %+v", c.text, r)
		}
	}
}

func TestIndex(t *testing.T) {
	for _, c := range []struct {
		url       string
		use       Use
		name, at  string
		packages  string
		flat, ok  bool
		labels    []string
		variant   string
		fails     bool
		isDefault bool
	}{
		{url: "https://packages.example/simple", use: Main, name: "packages-example", at: "https://packages.example/simple", ok: true, isDefault: true},
		{url: "https://me:secret@pypi.company.example/simple", use: Extra, name: "company", at: "https://pypi.company.example/simple", ok: true},
		{url: "https://download.example/whl/cu113", use: Extra, name: "pytorch", variant: "cu113", ok: true},
		{url: "https://download.example/whl/cu113/torch_stable.html", use: Links, name: "pytorch", variant: "cu113", ok: true},
		{url: "https://download.example/whl/torch_stable.html", use: Links, name: "pytorch", variant: "cu111", labels: []string{"cu111"}, ok: true},
		{url: "https://download.example/whl/nightly/cu121", use: Extra, name: "pytorch-nightly", at: "https://download.example/whl/nightly/cu121", packages: "torch,torchvision,torchaudio,torchtext,pytorch-triton", ok: true},
		{url: "https://data.example/whl/torch-1.10.0+cu113.html", use: Links, name: "pyg", at: "https://data.example/whl/torch-1.10.0+cu113.html", flat: true, packages: "torch-scatter,torch-sparse,torch-cluster,torch-spline-conv,pyg-lib", ok: true},
		{url: "https://storage.example/jax-releases/jax_cuda_releases.html", use: Links, name: "jax", at: "https://storage.example/jax-releases/jax_cuda_releases.html", flat: true, packages: "jaxlib,jax-cuda*", ok: true},
		{url: "./wheels", use: Links, name: "wheels", flat: true, ok: true},
		{url: "wheels", use: Extra, fails: true},
		{url: "ftp://x.example/", use: Extra, fails: true},
	} {
		ix, _, ok, err := Index(c.url, c.use, draft.Origin{}, c.labels)
		if (err != nil) != c.fails || err == nil && (ok != c.ok || ix.Name != c.name || ix.URL != c.at || ix.Variant != c.variant ||
			strings.Join(ix.Packages, ",") != c.packages || ix.Flat != c.flat || ix.Main != c.isDefault) {
			t.Errorf("%s: %+v %t %v", c.url, ix, ok, err)
		}
	}
}
