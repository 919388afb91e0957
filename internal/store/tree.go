package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/envpack/envpack/internal/diag"
)

// treeNote is the file of a tree that says what it is. It is written last, and its time is that of the tree's last use.
const treeNote = "tree"

// maxTreeNote is how many bytes of a tree's note are read.
const maxTreeNote = 1 << 20

// TreeNote is what a tree says of itself.
type TreeNote struct {
	Label string   `json:"label"`          // what it is, for people
	Bytes int64    `json:"bytes"`          // of its own files
	On    []string `json:"on,omitempty"`   // keys of the trees whose files it has as hard links, and all of its files are such
	Sum   string   `json:"sum"`            // of its names, kinds, modes and sizes, and of the contents of its own files
	Kind  string   `json:"kind,omitempty"` // chosen by who makes it
}

// Tree gives the folder that MakeTree has made for a key, which is a SHA-256, and notes that it is used. It stays as long as the
// store is open. Whoever runs programs in it keeps them from writing to it.
func (s *Store) Tree(key string) (dir string, note TreeNote, ok bool) {
	if checkHash(key) != nil {
		return "", TreeNote{}, false
	}
	dir = s.treePath(key)
	note, err := readTreeNote(dir)
	if err != nil {
		return "", TreeNote{}, false
	}
	name := filepath.Join(dir, treeNote)
	if info, err := os.Stat(name); err == nil {
		used(name, info.ModTime(), blobGrain)
	}
	return dir, note, true
}

// TreeName is the name of a tree's entry.
func TreeName(key string) string { return "trees/" + key[:min(2, len(key))] + "/" + key }

func (s *Store) treePath(key string) string { return filepath.Join(s.dir, "trees", key[:2], key) }

func readTreeNote(dir string) (n TreeNote, err error) {
	f, err := os.Open(filepath.Join(dir, treeNote))
	if err != nil {
		return n, err
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, maxTreeNote)).Decode(&n); err != nil {
		return n, fmt.Errorf("%s: %w", dir, ErrDamaged)
	}
	return n, nil
}

// MakeTree gives the folder of a key, and has fill make it where there is none: in a folder that is empty, and has its place
// only when it is whole. Where another process or goroutine is making the same one, it waits until that ends. Nothing that fill
// leaves there may be called "tree".
//
// Errors: those of fill and ctx; diag errors of the file system.
func (s *Store) MakeTree(ctx context.Context, key string, fill func(dir string) (TreeNote, error)) (string, TreeNote, error) {
	if err := checkHash(key); err != nil {
		return "", TreeNote{}, err
	}
	if dir, note, ok := s.Tree(key); ok {
		return dir, note, nil
	}
	lock, err := s.lock(ctx, s.partialPath(key)+".lock")
	if err != nil {
		return "", TreeNote{}, err
	}
	defer func() {
		os.Remove(lock.Name()) // while it is held, as of downloads
		lock.Close()
	}()
	if dir, note, ok := s.Tree(key); ok {
		return dir, note, nil
	}
	draft := filepath.Join(s.dir, "tmp", randomName())
	if err := os.Mkdir(draft, 0o777); err != nil {
		return "", TreeNote{}, s.fail(err, "making a tree")
	}
	defer func() { _ = RemoveFolder(draft) }()
	note, err := fill(draft)
	if err != nil {
		return "", TreeNote{}, s.outOfSpace(err)
	}
	if note.Sum, err = sumTree(ctx, draft, len(note.On) == 0, func(int64) {}); err != nil {
		return "", TreeNote{}, s.outOfSpace(err)
	}
	text, err := json.Marshal(note)
	if err != nil {
		return "", TreeNote{}, fmt.Errorf("making a tree: %w", err)
	}
	if err := os.WriteFile(filepath.Join(draft, treeNote), append(text, '\n'), 0o666); err != nil {
		return "", TreeNote{}, s.fail(err, "making a tree")
	}
	dir := s.treePath(key)
	if _, err := os.Lstat(dir); err == nil { // without a note that can be read, or it would have been taken
		if err := s.removeTree(dir); err != nil {
			return "", TreeNote{}, s.fail(err, "removing a damaged tree")
		}
	}
	if err := place(draft, dir); err != nil {
		return "", TreeNote{}, s.fail(err, "making a tree")
	}
	return dir, note, nil
}

// outOfSpace adds to an error of filling a tree what there is to do where the disk is full.
func (s *Store) outOfSpace(err error) error {
	if isFull(err) {
		return s.fail(err, "making a tree")
	}
	return err
}

// removeTree removes a tree. It loses its place first, so that none is ever there half.
func (s *Store) removeTree(dir string) error {
	away := filepath.Join(s.dir, "tmp", randomName())
	if err := os.Rename(dir, away); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return RemoveFolder(away)
}

// ReadTree reads what a tree says of itself, without using it. Errors: ErrDamaged, wrapped; those of reading.
func (s *Store) ReadTree(e Entry) (TreeNote, error) { return readTreeNote(s.file(e.Name)) }

// SumTree reads a tree and tells whether it is what it was made as. The contents of files that it shares are looked at with the
// trees that it has them from. read is told of bytes as they are read.
func (s *Store) SumTree(ctx context.Context, e Entry, read func(n int64)) (whole bool, err error) {
	note, err := s.ReadTree(e)
	if err != nil {
		if errors.Is(err, ErrDamaged) {
			err = nil
		}
		return false, err
	}
	sum, err := sumTree(ctx, s.file(e.Name), len(note.On) == 0, read)
	return err == nil && sum == note.Sum, err
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sumTree is the sum of all below dir but the tree's note: a line for each, in the order of names. A checksum of contents is
// enough, since it is to find damage: what a tree is made of was held to its hashes.
func sumTree(ctx context.Context, dir string, contents bool, read func(n int64)) (string, error) {
	type line struct {
		text string
		file string // whose content belongs to it; "": none
		crc  uint32
	}
	var lines []*line
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		below, err := filepath.Rel(dir, name)
		if err != nil || below == "." || below == treeNote {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		l := &line{}
		switch {
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			l.text = fmt.Sprintf("%q l %q", filepath.ToSlash(below), target)
		case d.IsDir():
			l.text = fmt.Sprintf("%q d %o", filepath.ToSlash(below), info.Mode().Perm())
		default:
			l.text = fmt.Sprintf("%q f %o %d", filepath.ToSlash(below), info.Mode().Perm(), info.Size())
			if contents {
				l.file = name
			}
		}
		lines = append(lines, l)
		return nil
	})
	if err != nil {
		return "", err
	}
	var wait sync.WaitGroup
	var mu sync.Mutex
	var first error
	next := 0
	for range 4 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			buffer := make([]byte, 1<<18)
			for {
				mu.Lock()
				for next < len(lines) && lines[next].file == "" {
					next++
				}
				if next == len(lines) || first != nil {
					mu.Unlock()
					return
				}
				l := lines[next]
				next++
				mu.Unlock()
				crc, err := sumFile(ctx, l.file, buffer, read)
				if err != nil {
					mu.Lock()
					first = err
					mu.Unlock()
					return
				}
				l.crc = crc
			}
		}()
	}
	wait.Wait()
	if first != nil {
		return "", first
	}
	h := sha256.New()
	for _, l := range lines {
		fmt.Fprintf(h, "%s %08x\n", l.text, l.crc)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func sumFile(ctx context.Context, name string, buffer []byte, read func(n int64)) (uint32, error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var crc uint32
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n, err := f.Read(buffer)
		crc = crc32.Update(crc, castagnoli, buffer[:n])
		read(int64(n))
		if err == io.EOF {
			return crc, nil
		}
		if err != nil {
			return 0, diag.Wrap(err, 0, "reading %s", name)
		}
	}
}
