package repository

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

func tree(files map[string]string) Tree {
	t := Tree{Open: func(name string) ([]byte, error) {
		text, ok := files[name]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return []byte(text), nil
	}}
	for name := range files {
		t.Names = append(t.Names, name)
	}
	slices.Sort(t.Names)
	return t
}

func show(f *Found) string {
	var b strings.Builder
	for _, c := range f.Main {
		fmt.Fprintf(&b, "main %s (%s)\n", c.Name, c.Why)
	}
	for _, c := range f.Details {
		fmt.Fprintf(&b, "detail %s\n", c.Name)
	}
	for _, c := range f.Others {
		fmt.Fprintf(&b, "other %s (%s)\n", c.Name, c.Why)
	}
	return b.String()
}

func TestFind(t *testing.T) {
	const env = "dependencies:\n- python\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"one file", map[string]string{"requirements.txt": "a\n", "a.py": ""}, "main requirements.txt (it says which packages there are)\n"},
		{"two that differ", map[string]string{"requirements.txt": "a\n", "environment.yml": env},
			"main environment.yml (it describes the whole environment, with its Python)\nother requirements.txt (environment.yml describes the whole environment, with its Python)\n"},
		{"two, and the README names one", map[string]string{"requirements.txt": "a\n", "environment.yml": env, "README.md": "```\npip install -r requirements.txt\n```\n"},
			"main requirements.txt (the README tells to install it)\ndetail README.md\nother environment.yml (the README tells to install requirements.txt)\n"},
		{"for something else", map[string]string{"requirements.txt": "-r requirements/base.txt\n", "requirements-dev.txt": "b\n", "requirements/base.txt": "a\n", "requirements/test.txt": "c\n", "requirements_web_demo.txt": "d\n", "eval/requirements.txt": "e\n"},
			"main requirements.txt (it says which packages there are)\n" +
				"other requirements/base.txt (requirements.txt includes it)\nother eval/requirements.txt (it is of a folder, and the root has requirements.txt)\nother requirements-dev.txt (it is for something else: dev)\nother requirements_web_demo.txt (it is for something else: web_demo)\nother requirements/test.txt (it is for something else: test)\n"},
		{"a project and an environment", map[string]string{"setup.py": "setup(install_requires=['a'])", "requirements.txt": "a==1\n"},
			"main requirements.txt (it describes an environment, and the others what a package requires)\nother setup.py (requirements.txt describes the environment)\n"},
		{"a project alone", map[string]string{"setup.py": "setup()", "setup.cfg": "[options]\ninstall_requires =\n a\n", "pyproject.toml": "[build-system]\nrequires = ['setuptools']\n"},
			"main setup.cfg (it says which packages there are)\nother pyproject.toml (it does not say what the project requires)\nother setup.py (it does not say what the project requires)\n"},
		{"a lock", map[string]string{"pyproject.toml": "[project]\ndependencies = ['a']\n", "uv.lock": "", "requirements.txt": "a\n"},
			"main uv.lock (it has exact versions of everything)\nother pyproject.toml (uv.lock has the versions that it was locked to)\nother requirements.txt (uv.lock has exact versions)\n"},
		{"in folders", map[string]string{"atari/conda_env.yml": env, "gym/conda_env.yml": env, "gym/a.py": ""},
			"main atari/conda_env.yml (the root has no such file)\nother gym/conda_env.yml (it is another environment than that of atari/conda_env.yml)\n"},
		{"in a folder for it", map[string]string{"env/SE3nv.yml": env, "env/SE3Transformer/requirements.txt": "a\n", "env/SE3Transformer/setup.py": "", "setup.py": "", "config/base.yaml": "x: 1\n"},
			"main env/SE3nv.yml (it is nearest to the root)\nother setup.py (it does not say what the project requires)\nother env/SE3Transformer/requirements.txt (it is of a folder, and the root has env/SE3nv.yml)\n"},
		{"a README alone", map[string]string{"README.md": "python", "main.py": "", "a.ipynb": "{}"}, "main README.md (no other file says which packages there are)\nmain a.ipynb (it installs what it imports)\n"},
		{"Docker", map[string]string{"Dockerfile": "", "docker/Dockerfile.dev": "", "requirements.txt": "a\n", ".python-version": "3.8", "apt.txt": "a"},
			"main requirements.txt (it says which packages there are)\ndetail .python-version\ndetail Dockerfile\ndetail apt.txt\nother docker/Dockerfile.dev (it is for something else)\n"},
		{"Docker alone", map[string]string{"Dockerfile": "", "a.py": ""}, "main Dockerfile (it installs the packages, and no other file says which)\n"},
		{"nothing", map[string]string{"a.py": ""}, ""},
		{"vendored", map[string]string{"third_party/x/requirements.txt": "a\n", "requirements-dev.txt": "b\n"}, "main requirements-dev.txt (no other file says which packages there are)\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := show(Find(tree(c.files), func(_ string, data []byte) bool { return strings.Contains(string(data), "dependencies:") }))
			if got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}
