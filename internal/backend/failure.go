package backend

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/pattern"
)

// Failure says that a hook failed, and as far as can be told, of what. At most one of Module, Asked, Header, Program, Library,
// Config, Network and Limit is set.
type Failure struct {
	Hook    string   // "requires", "metadata" or "wheel"
	Module  string   // of Python, that could not be imported: "numpy", "Cython.Build"
	Asked   []string // requirements (PEP 508) that setup.py would have had fetched while it ran
	Header  string   // "png.h"
	Program string   // "cmake"
	Library string   // as the linker names it: "z"
	Config  string   // a library as pkg-config names it: "cairo"
	Network bool     // it tried to reach another machine
	Limit   string   // what it exceeded: "time: 1h0m0s"
	Reason  string   // what went wrong, in a line
	Tail    string   // the end of what it printed
}

// Error implements error.
func (f *Failure) Error() string { return f.Reason }

// maxTail is how much of a log a failure keeps, in bytes; the end of a log mostly says why.
const maxTail = 16 << 10

// cause is a line of a log that tells why a build failed. Its one group is what is missing.
type cause struct {
	match func(line string) string
	set   func(f *Failure, what string)
	say   string // with the word in place of %
	last  int    // how many lines of the log's end are looked at, not counting indented ones, which are not then; 0: all
}

var (
	noModule  = pattern.New(`^\s*(?:ModuleNotFoundError|ImportError): No module named '?([\w.]+)'?`)
	noHeader  = pattern.New(`fatal error: '?([\w./+-]+\.(?:h|hh|hpp|hxx|H)|[A-Za-z_][\w/]*)'?(?:: No such file or directory| file not found)`)
	noCommand = pattern.New(`(?:error: command '([\w./+-]+)' failed: No such file|unable to execute '([\w./+-]+)'|\[Errno 2\] No such file or directory: b?'((?:/usr/(?:local/)?bin/)?[\w+-][\w.+-]*)'(?::|$|\s)|` +
		`^(?:/bin/)?(?:ba|da)?sh: (?:line )?(?:\d+: )?([\w.+-]+): (?:command )?not found|^make(?:\[\d+\])?: ([\w.+-]+): No such file|^/bin/sh: \d+: exec: ([\w.+-]+): not found)`)
	namedProgram = pattern.New(`(?i)(?:([\w-]+-config|[\w-]+_config)(?: executable)?(?: is)? (?:not found|missing)|Could not (?:find|locate|run) (?:the )?(?:executable )?['"]?([\w-]+-config|[\w-]+_config|cmake|nvcc|swig|ninja|cargo|gfortran|pkg-config|protoc|llvm-config)\b|(cmake|swig|ninja|nvcc|pkg-config|protoc|gfortran) (?:executable )?(?:must be installed|is required|was not found|not found|could not be found|is not installed|not installed))`)
	rustMissing  = pattern.New(`(?i)can't find Rust compiler|cargo, the Rust package manager, is not installed|Rust toolchain .*not (?:found|installed)|Unable to find.*cargo`)
	cudaMissing  = pattern.New(`CUDA_HOME environment variable is not set|nvcc was not found|NVCC not found|Could not find (?:the )?CUDA toolkit|CUDA_TOOLKIT_ROOT_DIR not found`)
	noLibrary    = pattern.New(`(?:cannot find|unable to find library|library not found for) -l([\w.+-]+)`)
	noConfig     = pattern.New(`(?:No package '([\w.+-]+)' found|Package '?([\w.+-]+)'?,? (?:required by '[^']*', not found|was not found in the pkg-config)|Dependency "?([\w.+-]+)"? not found, tried pkgconfig|Dependency lookup for ([\w.+-]+) with method 'pkgconfig' failed)`)
	noWheel      = pattern.New(`error: invalid command 'bdist_wheel'`)
	noConverter  = pattern.New(`(?:Cython|cython)(?: \S+)? (?:is required|is needed|must be installed|not found|is not installed|needs to be installed|is not available)|(?:install|requires?|need) (?:a recent )?Cython\b`)
	network      = pattern.New(`(?i)(Temporary failure in name resolution|Name or service not known|Could not resolve host|Network is unreachable|Failed to establish a new connection|nodename nor servname|getaddrinfo failed|Could not fetch URL|Could not find suitable distribution for Requirement|No local packages or working download links found)`)
	memory       = pattern.New(`(?i)(^MemoryError|virtual memory exhausted|out of memory allocating|std::bad_alloc|Killed signal terminated program|internal compiler error: Killed|LLVM ERROR: out of memory)`)
	noSpace      = pattern.New(`No space left on device`)
)

// group is the first group that matched something.
func group(m []string) string {
	for _, g := range m[min(1, len(m)):] {
		if g != "" {
			return g
		}
	}
	return ""
}

// linked are what compilers and linkers lack.
var linked = []cause{
	{match: grouped(noHeader), set: func(f *Failure, w string) { f.Header = w }, say: "it includes %, which is not there"},
	{match: grouped(noLibrary), set: func(f *Failure, w string) { f.Library = w }, say: "it links with the library %, which is not there"},
	{match: grouped(noConfig), set: func(f *Failure, w string) { f.Config = w }, say: "it asks pkg-config for %, which is not there"},
}

// causes are the others.
var causes = []cause{
	{match: program, set: func(f *Failure, w string) { f.Program = w }, say: "it runs %, which is not there"},
	{match: grouped(noModule), set: func(f *Failure, w string) { f.Module = w }, say: "it imports %, which is not there"},
	{match: matched(noWheel, "wheel"), set: func(f *Failure, w string) { f.Module = w }, say: "it needs %, which is not there"},
	{match: matched(noConverter, "Cython"), set: func(f *Failure, w string) { f.Module = w }, say: "it needs %, which is not there", last: 40},
	// Configuring looks for many programs, and does without most.
	{match: askedProgram, set: func(f *Failure, w string) { f.Program = w }, say: "it needs %, which is not there", last: 40},
	{match: matched(memory, "memory"), set: func(f *Failure, w string) { f.Limit = w }, say: "it ran out of %"},
	{match: matched(noSpace, "disk"), set: func(f *Failure, w string) { f.Limit = w }, say: "it ran out of %"},
	{match: grouped(network), set: func(f *Failure, _ string) { f.Network = true }, say: "it tried to reach the network, which no build can (%)"},
}

func grouped(re func() *regexp.Regexp) func(string) string {
	return func(line string) string { return group(re().FindStringSubmatch(line)) }
}

func matched(re func() *regexp.Regexp, what string) func(string) string {
	return func(line string) string {
		if re().MatchString(line) {
			return what
		}
		return ""
	}
}

// program is the name of a program that a line says could not be run.
func program(line string) string { return plainProgram(group(noCommand().FindStringSubmatch(line))) }

// askedProgram is the name of a program that a line says is wanted.
func askedProgram(line string) string {
	switch {
	case rustMissing().MatchString(line):
		return "cargo"
	case cudaMissing().MatchString(line):
		return "nvcc"
	}
	return plainProgram(strings.ToLower(group(namedProgram().FindStringSubmatch(line))))
}

// plainProgram is a program's name without what it is called in place of, "" if it is no program's.
func plainProgram(name string) string {
	name = path.Base(name)
	switch {
	case name == "." || dataFile(name):
		return ""
	case strings.HasSuffix(name, "-gcc"), strings.HasSuffix(name, "-g++"): // x86_64-linux-gnu-gcc
		return name[strings.LastIndexByte(name, '-')+1:]
	case strings.HasPrefix(name, "gcc-"), name == "cc", name == "clang":
		return "gcc"
	case name == "c++", name == "clang++", name == "cc1plus":
		return "g++"
	}
	return name
}

// dataFile tells whether a name that was not found is that of a file to be read, as README.md is.
func dataFile(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".txt", ".md", ".rst", ".cfg", ".toml", ".json", ".py", ".pyx", ".c", ".h", ".cpp", ".in", ".yaml", ".yml", ".ini", ".lock", ".so", ".a", ".o", ".whl":
		return true
	}
	upper := strings.ToUpper(name)
	return name == upper && strings.ContainsAny(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") // VERSION, README, LICENSE
}

// explain finds out why a build failed from what its exception was, and from its log: the first kind of cause that a line of it
// shows. What a build tries first and does without comes before what ends it, so of each kind the last line counts.
func (f *Failure) explain(log, module, exception string) {
	lines := strings.Split(log, "\n")
	if f.shown(lines, linked) {
		return // more telling than an import that was given up before
	}
	if module != "" {
		f.Module, f.Reason = module, "it imports "+module+", which is not there"
		return
	}
	if f.shown(lines, causes) {
		return
	}
	f.Reason = compilerError(lines)
	if f.Reason == "" && exception != "" && !vague().MatchString(exception) {
		f.Reason = short(exception)
	}
	if f.Reason == "" {
		f.Reason = lastWords(lines)
	}
}

// vague are exceptions that say that something else failed, whose own words are better.
var vague = pattern.New(`^(exit status|ended by|CalledProcessError|SystemExit: exit status|.*returned non-zero exit|.*command .* failed with exit|SubprocessError|CompileError)`)

var (
	errorOfCompiler = pattern.New(`^\S+:\d+(?::\d+)?: (?:fatal )?error: .*`)
	errorOfCython   = pattern.New(`^\S+\.pyx:\d+:\d+: .*`)
)

// compilerError is the first error of a compiler, from which the others mostly follow; "" if there is none.
func compilerError(lines []string) string {
	for _, line := range lines {
		if errorOfCompiler().MatchString(line) || errorOfCython().MatchString(line) {
			return short(strings.TrimSpace(line))
		}
	}
	return ""
}

// shown looks for causes, and tells whether there was one.
func (f *Failure) shown(lines []string, causes []cause) bool {
	plain := slices.DeleteFunc(slices.Clone(lines), func(line string) bool { // without what Python shows of its source
		return line == "" || line[0] == ' ' || line[0] == '\t'
	})
	for _, c := range causes {
		lines := lines
		if c.last > 0 {
			lines = plain[max(0, len(plain)-c.last):]
		}
		for i := len(lines) - 1; i >= 0; i-- {
			if what := c.match(lines[i]); what != "" {
				c.set(f, what)
				f.Reason = strings.ReplaceAll(c.say, "%", what)
				return true
			}
		}
	}
	return false
}

var errorLine = pattern.New(`^\s*(?:[\w.]*(?:Error|Exception|Warning)|error|fatal|FATAL|ERROR|CMake Error[^:]*)\b.*`)

// lastWords is the last line that looks like an error, else the last that has anything.
func lastWords(lines []string) string {
	last := ""
	for i := len(lines) - 1; i >= 0; i-- {
		line := strings.TrimSpace(lines[i])
		if line != "" && errorLine().MatchString(line) {
			return short(line)
		}
		if last == "" && line != "" {
			last = line
		}
	}
	if last == "" {
		return "it failed, and printed nothing"
	}
	return short(last)
}

// short is the first line of a text, of at most 300 bytes.
func short(line string) string {
	line, _, _ = strings.Cut(line, "\n")
	if len(line) > 300 {
		return strings.ToValidUTF8(line[:300], "") + "…"
	}
	return line
}
