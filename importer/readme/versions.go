package readme

import (
	"fmt"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver/pep508"
)

// names are those that prose has for packages, by what a sentence calls them in lower case. "" is Python and CUDA, which are read
// by themselves.
var names = map[string]string{
	"pytorch": "torch", "torch": "torch", "torchvision": "torchvision", "torchaudio": "torchaudio", "torchtext": "torchtext", "pytorch-lightning": "pytorch-lightning", "pytorch lightning": "pytorch-lightning",
	"tensorflow": "tensorflow", "tensorflow-gpu": "tensorflow-gpu", "tensorflow_gpu": "tensorflow-gpu", "keras": "keras", "jax": "jax", "jaxlib": "jaxlib", "flax": "flax", "mxnet": "mxnet", "theano": "theano", "chainer": "chainer",
	"numpy": "numpy", "scipy": "scipy", "pandas": "pandas", "scikit-learn": "scikit-learn", "sklearn": "scikit-learn", "scikit-image": "scikit-image", "matplotlib": "matplotlib", "networkx": "networkx", "sympy": "sympy", "numba": "numba", "h5py": "h5py",
	"opencv-python": "opencv-python", "opencv": "opencv-python", "pillow": "pillow", "tqdm": "tqdm", "transformers": "transformers", "tokenizers": "tokenizers", "datasets": "datasets", "accelerate": "accelerate", "deepspeed": "deepspeed", "fairseq": "fairseq", "timm": "timm", "einops": "einops",
	"gym": "gym", "mujoco-py": "mujoco-py", "mujoco_py": "mujoco-py", "dgl": "dgl", "pytorch geometric": "torch-geometric", "torch-geometric": "torch-geometric", "torch_geometric": "torch-geometric", "rdkit": "rdkit", "nltk": "nltk", "spacy": "spacy", "gensim": "gensim", "librosa": "librosa",
	"tensorboard": "tensorboard", "tensorboardx": "tensorboardx", "wandb": "wandb", "xgboost": "xgboost", "lightgbm": "lightgbm", "cupy": "", "python": "", "cuda": "",
}

// version is a name with a version behind it.
var version = pattern.New(`(?i)(^|[^\w.-])(python|pytorch[ -]lightning|pytorch geometric|pytorch|torch[-_]geometric|torchvision|torchaudio|torchtext|torch|tensorflow[-_]gpu|tensorflow|` +
	`keras|jaxlib|jax|flax|mxnet|theano|chainer|numpy|scipy|pandas|scikit-learn|sklearn|scikit-image|matplotlib|networkx|sympy|numba|h5py|opencv-python|opencv|pillow|tqdm|transformers|tokenizers|` +
	`datasets|accelerate|deepspeed|fairseq|timm|einops|gym|mujoco[-_]py|dgl|rdkit|nltk|spacy|gensim|librosa|tensorboardx|tensorboard|wandb|xgboost|lightgbm|cuda)` +
	`[ :]*\(?(?:[ ]*versions?[: ]*|[ ]*v\.? *)?[ ]*\(?(==|>=|<=|~=|=|>|<|\^)?[ ]*v?([0-9]+(?:\.[0-9]+){0,3})((?:\.x)?)([ ]*\+| or (?:later|higher|newer|above|greater)| and (?:later|higher|above|up))?`)

// bare is an item of a list that is a name alone, below a heading that says what the list is.
var bare = pattern.New(`^\s*(?:[-*+]|[0-9]+[.)])\s+([A-Za-z][A-Za-z0-9_.-]*(?: [Gg]eometric| [Ll]ightning)?)\s*(?:\(.*\))?[.,;]?\s*$`)

// needs are the words of headings below which lists say what is needed.
var needs = pattern.New(`(?i)requirement|dependenc|prerequisite|pre-requisite|install|environment|setup|set up|getting started|package`)

// versions reads a line of prose for names with versions.
func (p *page) versions(b block, at int, line string) {
	text := plain(line)
	from := draft.Origin{File: p.name, Line: at}
	found := false
	for _, m := range version().FindAllStringSubmatch(text, 20) {
		found = p.version(from, strings.ToLower(m[2]), m[3], m[4], m[5] != "", m[6] != "", strings.TrimSpace(m[0])) || found
	}
	if found || !needs().MatchString(b.heading) {
		return
	}
	if m := bare().FindStringSubmatch(text); m != nil {
		name, known := names[strings.ToLower(m[1])]
		if known && name != "" {
			p.require(from, name, "", m[1])
		}
	}
}

// version notes one of them. It is false for what is no version of that.
func (p *page) version(from draft.Origin, name, operator, number string, any, later bool, shown string) bool {
	shown = strings.Join(strings.Fields(strings.NewReplacer("(", " ", ")", " ").Replace(strings.Trim(shown, ", "))), " ")
	major, _, _ := strings.Cut(number, ".")
	switch {
	case name == "python":
		if major != "2" && major != "3" || number == "2" {
			return false
		}
		spec := specifier(operator, number, any, later, true)
		if number == "3" {
			return false // it says nothing
		}
		p.d.Pythons = append(p.d.Pythons, draft.Python{Specifier: spec, From: from})
		p.d.Note(from, shown, draft.Mapped, "Python %s", spec)
		return true
	case name == "cuda":
		if !strings.Contains(number, ".") || len(major) > 2 {
			return false
		}
		parts := strings.SplitN(number, ".", 3)
		named := parts[0] + "." + parts[1]
		p.d.CUDA = append(p.d.CUDA, draft.CUDA{Version: "auto", From: from,
			Comment: fmt.Sprintf("CUDA %s; wheels bring the CUDA that they were built with, and %q instead of auto holds them to that", named, named)})
		p.d.Note(from, shown, draft.Mapped, "CUDA %s", named)
		return true
	case names[name] == "":
		return false
	case operator == "" && !strings.Contains(number, ".") && !later:
		return false // "TensorFlow 2" is a name more than a version
	}
	p.require(from, names[name], specifier(operator, number, any, later, false), shown)
	return true
}

// specifier makes bounds of what prose says: 1.7.1 is that version, 1.7 any of 1.7, 1.7+ what came since.
func specifier(operator, number string, any, later, minor bool) string {
	parts := strings.Count(number, ".") + 1
	if minor && parts > 2 { // of Python the minor version counts
		p := strings.SplitN(number, ".", 3)
		number, parts = p[0]+"."+p[1], 2
	}
	switch {
	case later:
		return ">=" + number
	case operator == "^":
		return "~=" + number
	case operator == ">=" || operator == "<=" || operator == ">" || operator == "<" || operator == "~=" && parts > 1:
		return operator + number
	case operator == "==" && !minor && !any:
		return "==" + number
	case parts > 2 && !any:
		return "==" + number
	}
	return "==" + number + ".*"
}

func (p *page) require(from draft.Origin, name, spec, shown string) {
	for i := range p.d.Requirements {
		r := &p.d.Requirements[i]
		q, err := pep508.Parse(r.Text)
		if err != nil || pep508.NormalizeName(q.Name) != name {
			continue
		}
		if spec == "" || len(q.Specifiers.All()) > 0 {
			p.d.Note(from, shown, draft.Passed, "%s stands above", r.Text)
			return
		}
		r.Text = name + spec
		p.d.Note(from, shown, draft.Mapped, "%s", r.Text)
		return
	}
	text := name + spec
	p.d.Require(draft.Requirement{Text: text, From: from}, shown, text)
}
