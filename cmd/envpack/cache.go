package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/inventory"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/supply"
	"github.com/envpack/envpack/resolver/index"
)

const cacheLong = `Shows what the store has: wheels, distribution packages, layers and notes, how much they take, and when they were used
last. The commands below remove what is not needed, verify everything, and take the files of a lock to another machine.

The store is the folder of --cache-dir or ENVPACK_CACHE, else one in the user's cache folder. Nothing in it is needed for a
result to be right: what is gone is fetched or made again.`

const cacheExample = `  envpack cache                               # what is there
  envpack cache prune                         # what was not used for 30 days goes
  envpack cache verify                        # re-hash everything
  envpack cache export -o set.tar             # what this project's lock needs, for another machine
  du -sh "$(envpack cache dir)"`

func newCache(s *session) *cobra.Command {
	show := func(cmd *cobra.Command, _ []string) error { return s.cacheInfo(cmd.Context()) }
	cmd := &cobra.Command{
		Use:     "cache",
		Short:   "Show, prune, verify or copy the store of downloaded and built files",
		Long:    cacheLong,
		Example: cacheExample,
		Args:    noUnknownCommand,
		RunE:    show,
	}
	info := &cobra.Command{
		Use:   "info",
		Short: "Show what the store has, as `envpack cache` does",
		Long: `Shows how many files of each kind the store has, how many bytes they are, and when one of them was used last: for files
to an hour, for notes to a day.`,
		Example: "  envpack cache info\n  envpack cache info --json",
		Args:    noArguments,
		RunE:    show,
	}
	dir := &cobra.Command{
		Use:     "dir",
		Short:   "Print the store's folder",
		Example: `  du -sh "$(envpack cache dir)"`,
		Args:    noArguments,
		RunE:    func(*cobra.Command, []string) error { return s.cachePlace() },
	}
	cmd.AddCommand(info, dir, newCachePrune(s), newCacheClean(s), newCacheVerify(s), newCacheExport(s), newCacheImport(s))
	return cmd
}

func (s *session) cachePlace() error {
	dir, err := s.storeDir()
	if err != nil {
		return err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if s.json {
		return s.printJSON(map[string]string{"dir": dir})
	}
	_, err = fmt.Fprintln(s.stdout, dir)
	return err
}

// openExisting opens the store if there is one; nil: there is none, and none is made to look at.
func (s *session) openExisting(ctx context.Context) (*store.Store, error) {
	dir, err := s.storeDir()
	if err != nil {
		return nil, err
	}
	if entries, err := os.ReadDir(dir); errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		s.ui().Printf("there is no store yet at %s", dir)
		return nil, nil
	}
	return s.openStore(ctx)
}

// take lists what the store has.
func take(ctx context.Context, st *store.Store) (*inventory.Inventory, error) {
	readers := imagegen.NoteReaders()
	maps.Copy(readers, index.NoteReaders())
	maps.Copy(readers, supply.NoteReaders())
	v, err := inventory.Take(ctx, st, readers)
	if err != nil {
		return nil, err
	}
	for _, i := range v.Items {
		if i.Class == store.Blobs && i.Label == "" {
			i.Kind = looksLike(st, i.Entry)
		}
	}
	return v, nil
}

// looksLike is the kind of a blob that nobody noted the name of, by its first bytes; "" if they say nothing.
func looksLike(st *store.Store, e store.Entry) string {
	f, err := st.OpenEntry(e)
	if err != nil {
		return "" // it is gone, or whoever reads it says what is wrong
	}
	defer f.Close()
	var begin [8]byte
	if _, err := io.ReadFull(f, begin[:]); err != nil {
		return ""
	}
	switch {
	case string(begin[:4]) == "PK\x03\x04": // zip (APPNOTE.TXT, 4.3.7)
		return wheelFiles
	case string(begin[:]) == "!<arch>\n": // ar, which debs are (deb(5))
		return debFiles
	}
	return ""
}

// The kinds of things in a store, in the order in which they are shown.
const (
	wheelFiles    = "wheels"
	debFiles      = "distribution packages"
	archiveFiles  = "interpreters and source distributions"
	layerFiles    = "layers"
	belowFiles    = "images below"
	otherFiles    = "other files"
	partFiles     = "downloads under way"
	treeFiles     = "unpacked layers and images"
	layerNotes    = "notes of layers"
	indexNotes    = "index pages and metadata"
	aptNotes      = "distribution indexes"
	otherNotes    = "other notes"
	temporary     = "temporary files"
	unknownToUs   = "files that are not envpack's"
	belowLabel    = "of an image below" // as publish ends their labels
	layerLabel    = "layer "            // as imagegen begins theirs
	unusedDefault = 30 * 24 * time.Hour
)

var kindsInOrder = []string{
	wheelFiles, debFiles, archiveFiles, layerFiles, belowFiles, otherFiles, treeFiles, partFiles, layerNotes, indexNotes, aptNotes, otherNotes, temporary, unknownToUs,
}

// kindOf is the kind of a thing in the store.
func kindOf(i *inventory.Item) string {
	switch i.Class {
	case store.Partials:
		return partFiles
	case store.Scratch:
		return temporary
	case store.Foreign:
		return unknownToUs
	case store.Trees:
		return treeFiles
	case store.Memos:
		for prefix, kind := range map[string]string{
			"layer": layerNotes, "recipe": layerNotes, "settlement": layerNotes, "index-": indexNotes, "metadata": indexNotes, "learnt": indexNotes,
			"sdist-": indexNotes, "git-": indexNotes, "apt-": aptNotes,
		} {
			if strings.HasPrefix(i.Kind, prefix) {
				return kind
			}
		}
		return otherNotes
	}
	name := i.Label
	switch {
	case strings.HasSuffix(name, ".whl"):
		return wheelFiles
	case strings.HasSuffix(name, ".deb"):
		return debFiles
	case strings.HasSuffix(name, belowLabel):
		return belowFiles
	case strings.HasPrefix(name, layerLabel):
		return layerFiles
	case strings.Contains(name, ".tar.") || strings.HasSuffix(name, ".tgz") || strings.HasSuffix(name, ".zip"):
		return archiveFiles
	case i.Kind != "":
		return i.Kind
	case i.Needed > 0: // by what else than a layer that is remembered
		return layerFiles
	}
	return otherFiles
}

// amount is how much there is of a kind.
type amount struct {
	Kind  string     `json:"kind"`
	Files int        `json:"files"`
	Bytes int64      `json:"bytes"`
	Used  *time.Time `json:"last_used,omitempty"`
}

// amounts adds up what there is of each kind.
func amounts(items []*inventory.Item) (list []amount, total amount) {
	byKind := map[string]*amount{}
	for _, i := range items {
		kind := kindOf(i)
		if byKind[kind] == nil {
			byKind[kind] = &amount{Kind: kind}
		}
		for _, a := range []*amount{byKind[kind], &total} {
			a.Files++
			a.Bytes += i.Size
			if used := i.Used.UTC().Truncate(time.Second); a.Used == nil || a.Used.Before(used) {
				a.Used = &used
			}
		}
	}
	for _, kind := range kindsInOrder {
		if a := byKind[kind]; a != nil {
			list = append(list, *a)
		}
	}
	return list, total
}

// cacheReport is the result of cache info for --json.
type cacheReport struct {
	Dir   string   `json:"dir"`
	Files int      `json:"files"`
	Bytes int64    `json:"bytes"`
	Kinds []amount `json:"kinds"`
}

func (s *session) cacheInfo(ctx context.Context) error {
	st, err := s.openExisting(ctx)
	if err != nil {
		return err
	}
	dir, err := s.storeDir()
	if err != nil {
		return err
	}
	report := cacheReport{Dir: dir, Kinds: []amount{}}
	var total amount
	if st != nil {
		defer st.Close()
		v, err := take(ctx, st)
		if err != nil {
			return err
		}
		report.Dir = st.Dir()
		list, sum := amounts(v.Items)
		report.Kinds, total = append(report.Kinds, list...), sum
		report.Files, report.Bytes = total.Files, total.Bytes
	}
	if s.json {
		return s.printJSON(report)
	}
	s.close()
	if st == nil {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", report.Dir)
	t := table{right: []bool{true, true}}
	t.add("files", "size", "last used", "what")
	for _, a := range append(slices.Clone(report.Kinds), total) {
		used := ""
		if a.Used != nil {
			used = a.Used.Local().Format("2006-01-02 15:04")
		}
		kind := a.Kind
		if kind == "" {
			kind = "all"
		}
		t.add(fmt.Sprint(a.Files), size(a.Bytes), used, kind)
	}
	t.write(&b)
	_, err = fmt.Fprint(s.stdout, b.String())
	return err
}

// titleOf names a thing in the store for people: by what it is, else by where it is.
func titleOf(i *inventory.Item) string {
	switch {
	case i.Class == store.Blobs && i.Label != "":
		return printable(i.Label)
	case i.Class == store.Trees && i.Label != "":
		return "the folder of " + printable(i.Label)
	case i.Class == store.Memos && i.Kind == store.NameMemo && i.Label != "":
		return "the name of " + printable(i.Label)
	case i.Class == store.Memos:
		return "a note of kind " + i.Kind
	}
	return i.Name
}

// noStoreChange refuses what is done to a store that nobody may change.
func noStoreChange(ctx context.Context, s *session, st *store.Store) (release func(), err error) {
	release, err = st.Exclusive(ctx, func() {
		s.ui().Printf("waiting until no other envpack uses %s", st.Dir())
	})
	if err != nil && ctx.Err() == nil {
		return nil, diag.Wrap(err, 0, "")
	}
	return release, err
}
