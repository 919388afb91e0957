package supply

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/diag"
)

const (
	// maxOutput bounds what is read of git's answers.
	maxOutput = 64 << 20
	// origin is what the repository is called in the one that is fetched into: parts of it can be left out only of one that
	// has a name there.
	origin = "origin"
)

// GitBounds are what fetching from a repository may take. Zero values are the defaults.
type GitBounds struct {
	Bytes int64         // on the disk; 0 is 2 GiB
	Time  time.Duration // of one request; 0 is 10 minutes
}

func (b GitBounds) orDefault() GitBounds {
	return GitBounds{Bytes: cmp.Or(b.Bytes, 2<<30), Time: cmp.Or(b.Time, 10*time.Minute)}
}

var (
	errGitBytes = errors.New("too many bytes")
	errGitTime  = errors.New("too slow")
)

// git is a repository of no files that objects are fetched into.
type git struct {
	program, dir, address string
	bounds                GitBounds
	made                  bool // there is a repository in dir
	full                  bool // nothing may be left out, to be fetched when it is read
	partial               bool // what was left out cannot be read
	whole                 bool // all branches and tags were fetched
	exceeded              bool // a bound was
	barred                bool // the repository cannot be reached or read, whatever is asked of it
	foreign               bool // dir is somebody's checkout, whose settings may name programs
}

// init makes the repository, anew if there is one. Neither templates nor hooks of the user's come into it.
func (g *git) init(ctx context.Context, sha256 bool) error {
	if g.made {
		g.dir, g.made, g.whole = filepath.Join(g.dir, "again"), false, false
		if err := os.Mkdir(g.dir, 0o700); err != nil {
			return diag.Wrap(err, diag.Failure, "making a temporary folder")
		}
	}
	args := []string{"init", "--quiet", "--bare", "--template="}
	if sha256 { // older programs do not know the option
		args = append(args, "--object-format=sha256")
	}
	if _, err := g.run(ctx, append(args, "--", g.dir)...); err != nil {
		return err
	}
	g.made = true
	settings := [][2]string{{"remote.origin.url", g.address}, {"remote.origin.promisor", "true"}, {"remote.origin.partialclonefilter", "blob:none"}}
	if g.full {
		settings = settings[:1]
	}
	for _, setting := range settings {
		if _, err := g.run(ctx, "config", setting[0], setting[1]); err != nil {
			return err
		}
	}
	return nil
}

// command does not ask a person, runs nothing of the user's hooks, and does not read the settings of a repository that it is run
// in. A user's own settings count: they have what reaches and opens the repository.
func (g *git) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, g.program, append([]string{
		"-c", "core.hooksPath=" + os.DevNull, "-c", "fetch.negotiationAlgorithm=noop", "-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60", "-c", "fetch.recurseSubmodules=false",
	}, args...)...)
	cmd.Dir = g.dir
	ssh := ""
	for _, v := range cmd.Environ() {
		name, value, _ := strings.Cut(v, "=")
		switch name {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_SHALLOW_FILE":
			continue
		case "GIT_SSH_COMMAND", "GIT_SSH":
			ssh = value
		}
		cmd.Env = append(cmd.Env, v)
	}
	// An askpass program would open a window; an empty one is none.
	cmd.Env = append(cmd.Env, "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "SSH_ASKPASS_REQUIRE=never", "GCM_INTERACTIVE=never",
		"LC_ALL=C", "GIT_CEILING_DIRECTORIES="+filepath.Dir(g.dir))
	if g.foreign { // git fetches what it misses, by the programs of the settings; the first variable is enough where the second is not known
		cmd.Env = append(cmd.Env, "GIT_ALLOW_PROTOCOL=none", "GIT_NO_LAZY_FETCH=1")
	} else {
		cmd.Env = append(cmd.Env, "GIT_ALLOW_PROTOCOL=https:http:ssh:git:file")
	}
	if g.made {
		cmd.Env = append(cmd.Env, "GIT_DIR="+g.dir)
	}
	if ssh == "" && g.ssh() && args[0] != "config" {
		if out, _ := g.command(ctx, "config", "core.sshCommand").Output(); len(out) == 0 { // which the variable would stand before
			cmd.Env = append(cmd.Env, "GIT_SSH_COMMAND=ssh -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=15 -o ServerAliveCountMax=4")
		}
	}
	alone(cmd)
	cmd.WaitDelay = 5 * time.Second // for what it has started
	return cmd
}

func (g *git) ssh() bool { return strings.HasPrefix(g.address, "ssh:") }

// run gives what git prints. It ends git when it takes more than the bounds allow.
func (g *git) run(ctx context.Context, args ...string) ([]byte, error) {
	bounded, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cmd := g.command(bounded, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &limited{w: &stderr, left: 64 << 10}
	out := &limited{w: &bytes.Buffer{}, left: maxOutput}
	cmd.Stdout = out
	stop := func() {}
	if args[0] == "fetch" || args[0] == "ls-remote" || args[0] == "cat-file" { // what asks the repository
		stop = g.watch(cancel)
	}
	err := cmd.Run()
	stop()
	switch cause := context.Cause(bounded); {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case cause == errGitBytes:
		g.exceeded = true
		return nil, diag.New(diag.Fetch, "the repository %s has more than %d MiB that git would fetch to read a few files", g.address, g.bounds.Bytes>>20).
			Hint("name an archive or a wheel instead: NAME @ https://….tar.gz")
	case cause == errGitTime:
		g.exceeded = true
		return nil, diag.New(diag.Fetch, "the repository %s: git %s took longer than %s, and was ended", g.address, args[0], g.bounds.Time).
			Hint("%s may be slow or not answer: try `git ls-remote %s`, or name an archive or a wheel instead: NAME @ https://….tar.gz", g.host(), g.address)
	case out.left < 0:
		return nil, diag.New(diag.Fetch, "the repository %s: git answers more than is read", g.address)
	case err != nil:
		return nil, g.explain(err, args[0], stderr.String())
	}
	return out.w.(*bytes.Buffer).Bytes(), nil
}

// watch holds what is fetched to the bounds.
func (g *git) watch(cancel context.CancelCauseFunc) (stop func()) {
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(min(200*time.Millisecond, g.bounds.Time))
		defer tick.Stop()
		start := time.Now()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			switch {
			case sizeOf(g.dir) > g.bounds.Bytes:
				cancel(errGitBytes)
			case time.Since(start) >= g.bounds.Time:
				cancel(errGitTime)
			default:
				continue
			}
			return
		}
	}()
	return func() {
		close(done)
		<-ended
		if sizeOf(g.dir) > g.bounds.Bytes { // what came since then; the answer must not depend on who was quicker
			cancel(errGitBytes)
		}
	}
}

// sizeOf is how many bytes the files below a folder have. Files come and go meanwhile.
func sizeOf(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}

// limited takes what comes, and drops what is too much.
type limited struct {
	w    io.Writer
	left int64
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= int64(len(p)); l.left >= 0 {
		return l.w.Write(p)
	}
	return len(p), nil
}

// bring fetches objects that were left out, in one request instead of one for each. Where that fails, reading them fetches them.
func (g *git) bring(ctx context.Context, objects map[string]string) {
	if len(objects) < 2 || g.full {
		return
	}
	args := []string{"fetch", "--quiet", "--no-auto-gc", "--no-tags", "--no-write-fetch-head", "--filter=blob:none", origin}
	for _, object := range objects {
		args = append(args, object)
	}
	slices.Sort(args[len(args)-len(objects):])
	_, _ = g.run(ctx, args...)
}

// host is the repository's, for people.
func (g *git) host() string {
	if u, err := url.Parse(g.address); err == nil && u.Host != "" {
		return u.Host
	}
	return "the repository"
}

// gitFaults are parts of git's and ssh's messages, with what to do; %s is the host.
var gitFaults = []struct{ text, hint string }{
	{"Host key verification failed", "ssh does not know the key of %[1]s, or it changed: `ssh -T %[1]s` shows it and asks whether it is right, or put it into ~/.ssh/known_hosts"},
	{"Permission denied (", "%s takes none of the keys that ssh offers: `ssh-add -l` lists those of the agent, and a key with a passphrase has to be in it, since nobody is asked"},
	{"terminal prompts disabled", "%s wants a user and a password, and nobody is asked: write them into ~/.netrc, or set up a credential helper of git"},
	{"Authentication failed", "%s does not take the user and password that git has for it: look into ~/.netrc and git's credential helper"},
	{"Repository not found", "check the address; %s may also hide a repository from who may not read it: put credentials into ~/.netrc or git's credential helper"},
	{"Could not resolve host", "no address was found for %s: check its spelling, the network, and HTTPS_PROXY if there is a proxy"},
	{"Could not resolve hostname", "no address was found for %s: check its spelling and the network"},
	{"Connection refused", "nothing answers at %s: check host and port"},
	{"Connection timed out", "%s does not answer: check the network"},
	{"Operation too slow", "%s sends next to nothing: try again later"},
	{"certificate", "if a proxy or a private authority signs for %s, name its certificates in GIT_SSL_CAINFO or git's http.sslCAInfo"},
	{"dubious ownership", "the folder belongs to another user: `git config --global --add safe.directory DIR` trusts it"},
	{"does not appear to be a git repository", "check the address"},
}

// explain makes an error of what git says.
func (g *git) explain(err error, command, said string) error {
	text := strings.Join(strings.Fields(diag.Redact(said)), " ")
	e := diag.New(diag.Fetch, "the repository %s: git %s: %s", g.address, command, text)
	if text == "" {
		e = diag.Wrap(err, diag.Fetch, "the repository %s: git %s", g.address, command)
	}
	bare := strings.ReplaceAll(text, g.address, "") // which may have such words itself
	for _, fault := range gitFaults {
		if strings.Contains(bare, fault.text) {
			g.barred = true
			hint := fault.hint
			if strings.Contains(hint, "%") {
				return e.Hint(hint, g.host())
			}
			return e.Hint("%s", hint)
		}
	}
	return e
}
