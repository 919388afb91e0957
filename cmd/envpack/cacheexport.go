package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/inventory"
	"github.com/envpack/envpack/internal/newfile"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/ui"
	"github.com/envpack/envpack/lockfile"
)

const cacheExportLong = `Writes a file with what locks need to be built without a network: wheels, distribution packages, interpreters, data files and the
image below. What the store lacks of it is fetched first. Another machine takes it into its store with ` + "`envpack cache import`" + `, and
` + "`envpack build --offline`" + ` makes the same image there.

--relock adds the pages, metadata and signed indexes that ` + "`envpack lock --offline`" + ` makes the project's lock anew from; the lock is made
to find out which these are, and not written. Whoever imports pages and metadata believes them. The same files give the same bytes.`

const cacheExportExample = `  envpack cache export -o set.tar              # of this folder's project
  envpack cache export a b/envpack.lock -o set.tar
  envpack cache export --relock -o set.tar     # also to lock again without a network
  envpack cache export -o - | ssh runner envpack cache import -`

func newCacheExport(s *session) *cobra.Command {
	var output string
	var relock bool
	cmd := &cobra.Command{
		Use:     "export [DIR|LOCK]...",
		Short:   "Write what locks need into a file, for another machine",
		Long:    cacheExportLong,
		Example: cacheExportExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if output == "" {
				return diag.New(diag.Usage, "cache export needs the file to write: -o FILE").Hint("-o - writes it to standard output")
			}
			if len(args) == 0 {
				args = []string{"."}
			}
			return s.cacheExport(cmd.Context(), args, output, relock)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "the `FILE` to write; - is standard output")
	cmd.Flags().BoolVar(&relock, "relock", false, "add what the locks can be made anew from without a network")
	return cmd
}

// exportedSet is the result of cache export for --json.
type exportedSet struct {
	Output string `json:"output"`
	inventory.Size
	Locks  []string `json:"locks"`
	Relock bool     `json:"relock"` // they can be made anew without a network
}

func (s *session) cacheExport(ctx context.Context, names []string, output string, relock bool) error {
	if output == "-" {
		if f, ok := s.stdout.(*os.File); s.json || ok && ui.For(f, os.Getenv).Terminal {
			return diag.New(diag.Usage, "cache export -o -: standard output has the result, or is a terminal").Hint("write it into a file, or through a pipe")
		}
	}
	var locks []namedLock
	for _, name := range names {
		l, err := s.lockNamed(name)
		if err != nil {
			return err
		}
		if relock && l.m.File == "" {
			return diag.New(diag.Usage, "--relock is for projects, and %s has no manifest beside it that can be read", l.path).Hint("name the project's folder")
		}
		locks = append(locks, l)
	}
	st, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	result := exportedSet{Output: output, Locks: []string{}, Relock: relock}
	var entries []store.Entry
	for _, l := range locks {
		result.Locks = append(result.Locks, l.path)
		if err := s.bringAll(ctx, st, l); err != nil {
			return err
		}
		blobs, _ := imagegen.Holdings(l.lock)
		var memos []string
		if relock {
			more, notes, err := s.relockable(ctx, st.Dir(), l)
			if err != nil {
				return diag.Wrap(err, 0, "finding out what %s is made from", l.path)
			}
			blobs, memos = append(blobs, more...), notes
		}
		for _, sum := range blobs {
			memos = append(memos, "blobs/sha256/"+sum[:2]+"/"+sum, store.MemoName(store.NameMemo, sum))
		}
		for _, name := range memos {
			if e, err := st.EntryNamed(name); err == nil {
				entries = append(entries, e)
			} else if !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
	}
	if result.Size, err = s.writeSet(ctx, st, entries, output); err != nil {
		return err
	}
	s.close()
	switch {
	case output == "-":
		s.ui().Printf("%s, %s", plural(result.Files, "file"), size(result.Bytes))
		return nil
	case s.json:
		return s.printJSON(result)
	}
	_, err = fmt.Fprintf(s.stdout, "%s: %s, %s\n", output, plural(result.Files, "file"), size(result.Bytes))
	return err
}

// writeSet writes the set to a file, which appears when it is complete, or to standard output.
func (s *session) writeSet(ctx context.Context, st *store.Store, entries []store.Entry, output string) (inventory.Size, error) {
	var total int64
	seen := map[string]bool{}
	for _, e := range entries {
		if !seen[e.Name] {
			total += e.Size
		}
		seen[e.Name] = true
	}
	read := s.task("writing "+output, total)
	if output == "-" {
		return inventory.WriteSet(ctx, s.stdout, st, entries, read)
	}
	if info, err := os.Stat(output); err == nil && !info.Mode().IsRegular() {
		return inventory.Size{}, diag.New(diag.Usage, "%s is no file", output).Hint("name a new file, or - for standard output")
	}
	var written inventory.Size
	err := newfile.Replace(output, 0o644, func(w io.Writer) (err error) {
		written, err = inventory.WriteSet(ctx, w, st, entries, read)
		return err
	})
	if err != nil && ctx.Err() == nil {
		err = diag.Wrap(err, 0, "writing %s", output)
	}
	return written, err
}

// bringAll fetches what the store lacks of a lock's files.
func (s *session) bringAll(ctx context.Context, st *store.Store, l namedLock) error {
	b, err := s.builderOf(ctx, l.lock, l.m)
	if err != nil {
		return err
	}
	defer b.supply.Close()
	var wheels []imagegen.Wheel
	for _, p := range l.lock.Packages {
		if !p.Built() {
			continue
		}
		for _, f := range p.Files {
			wheels = append(wheels, imagegen.Wheel{Package: p, File: f})
		}
	}
	if err := b.supply.Wheels(ctx, wheels); err != nil {
		return err
	}
	if err := b.supply.Debs(ctx, l.lock.Base.Debs); err != nil {
		return err
	}
	if err := b.supply.Data(ctx, l.lock.Data); err != nil {
		return err
	}
	for _, i := range l.lock.Base.Interpreters {
		if err := b.supply.FetchInterpreter(ctx, i); err != nil {
			return err
		}
	}
	for _, i := range l.lock.Base.Images {
		if localImage(l.lock.Base.Reference) {
			s.ui().Warn("%s is a file or folder and not part of the set: take it along", l.lock.Base.Reference)
			continue
		}
		if err := bringImage(ctx, b, st, i); err != nil {
			return err
		}
	}
	return nil
}

// bringImage reads the layers of the image below that the store has not, which leaves them there.
func bringImage(ctx context.Context, b *building, st *store.Store, i lockfile.BaseImage) error {
	image, err := b.supply.Image(ctx, b.lock.Base.Reference, i)
	if err != nil {
		return err
	}
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	for _, l := range layers {
		h, err := l.Digest()
		if err != nil {
			return err
		}
		if st.Has(h.Hex) {
			continue
		}
		if err := readToEnd(l.Compressed); err != nil {
			return diag.Wrap(err, 0, "fetching the layer %s of %s", h, b.lock.Base.Reference)
		}
	}
	return nil
}

func readToEnd(open func() (io.ReadCloser, error)) error {
	r, err := open()
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	return err
}

// relockable makes a project's lock anew, with the lock there is and without, and gives what was used of the store for it. That it
// can be made from that alone is tried, with the lock: without, what a file of unknown hash is cannot be known offline.
func (s *session) relockable(ctx context.Context, dir string, l namedLock) (blobs, memos []string, err error) {
	st, err := store.Open(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	defer st.Close()
	used := st.Trace()
	passes := []*session{s}
	if !s.offline {
		passes = append(passes, &session{
			stdout: io.Discard, stderr: io.Discard, cacheDir: dir, offline: true, quiet: true, indexURL: s.indexURL, aptMirror: s.aptMirror,
		})
	}
	for _, pass := range passes {
		for _, old := range []*lockfile.Lock{l.lock, nil} {
			o := lockOptions{noScan: l.lock.Project.Unscanned}
			if _, err := pass.resolve(ctx, st, l.m, old, o); err != nil && (old != nil || ctx.Err() != nil) {
				return nil, nil, err
			}
		}
	}
	blobs, memos = used.Used()
	return blobs, memos, nil
}

func newCacheImport(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE",
		Short: "Take the files of a set into the store",
		Long: `Takes what ` + "`envpack cache export`" + ` wrote into the store; - is standard input. Every file is held to its hash before it is
taken, and what the store has stays as it is.`,
		Example: "  envpack cache import set.tar\n  ssh other envpack cache export -o - project | envpack cache import -",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return diag.New(diag.Usage, "cache import takes one file, not %d", len(args)).Hint("- is standard input")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return s.cacheImport(cmd.Context(), args[0]) },
	}
}

func (s *session) cacheImport(ctx context.Context, name string) error {
	in, total := s.stdin, int64(0)
	if name != "-" {
		f, err := os.Open(filepath.Clean(name))
		if err != nil {
			return diag.Wrap(err, diag.Failure, "importing")
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			total = info.Size()
		}
		in = f
	}
	st, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	read := func(int64) {}
	if total > 0 {
		read = s.task("importing "+name, total)
	}
	got, err := inventory.ReadSet(ctx, in, st, read)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		return diag.Wrap(err, 0, "importing %s", name)
	}
	if s.json {
		return s.printJSON(got)
	}
	s.close()
	_, err = fmt.Fprintf(s.stdout, "%s added, %s; %s there before\n", plural(got.Added.Files, "file"), size(got.Added.Bytes), plural(got.Present.Files, "file"))
	return err
}
