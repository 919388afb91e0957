package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/diag"
)

// Class is what a file of a store is.
type Class int

// The classes of files. Scratch is what is being written, and locks of downloads; of files of class Foreign the store knows
// nothing. Trees are folders, with all that is in them.
const (
	Blobs Class = iota + 1
	Memos
	Partials
	Scratch
	Foreign
	Trees
)

// Entry is a file of a store.
type Entry struct {
	Name   string // below the store's folder, with slashes
	Class  Class
	Kind   string    // of a memo
	SHA256 string    // that a blob has, or a partial download is to have; the key of a tree
	Size   int64     // bytes; of a tree those of its own files
	Used   time.Time // when it was used last: a blob or tree to an hour, a memo to a day
}

// Entries lists the files of the store, without using them. What other processes make and remove meanwhile may be among them or
// not.
func (s *Store) Entries(ctx context.Context) ([]Entry, error) {
	var all []Entry
	for _, top := range []string{"blobs", "memo", "partial", "tmp", "trees"} {
		err := filepath.WalkDir(filepath.Join(s.dir, top), func(file string, d fs.DirEntry, err error) error {
			if err == nil {
				err = ctx.Err()
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			name, err := filepath.Rel(s.dir, file)
			if err != nil {
				return err
			}
			name = filepath.ToSlash(name)
			whole := strings.HasPrefix(name, "tmp/") || strings.HasPrefix(name, "trees/") && strings.Count(name, "/") == 2
			if d.IsDir() && !whole {
				return nil
			}
			info, err := d.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			all = append(all, s.entryOf(name, info))
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		})
		if err != nil && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, diag.Wrap(err, diag.Failure, "reading the store %s", s.dir)
		}
	}
	return all, nil
}

func (s *Store) entryOf(name string, info fs.FileInfo) Entry {
	e := Entry{Name: name, Class: Foreign, Size: info.Size(), Used: info.ModTime()}
	parts := strings.Split(name, "/")
	base := parts[len(parts)-1]
	hashed := checkHash(base) == nil
	switch {
	case info.IsDir() && len(parts) == 3 && hashed && name == "trees/"+base[:2]+"/"+base:
		e.Class, e.SHA256, e.Size = Trees, base, 0
		if note, err := readTreeNote(s.file(name)); err == nil {
			e.Size = note.Bytes
		}
		if used, err := os.Stat(filepath.Join(s.file(name), treeNote)); err == nil {
			e.Used = used.ModTime()
		}
	case info.IsDir() && parts[0] == "tmp" && len(parts) == 2:
		e.Class, e.Size = Scratch, 0
	case !info.Mode().IsRegular():
	case parts[0] == "tmp" && len(parts) == 2, parts[0] == "partial" && len(parts) == 2 && checkHash(strings.TrimSuffix(base, ".lock")) == nil && !hashed:
		e.Class = Scratch
	case !hashed:
	case parts[0] == "partial" && len(parts) == 2:
		e.Class, e.SHA256 = Partials, base
	case name == "blobs/sha256/"+base[:2]+"/"+base:
		e.Class, e.SHA256 = Blobs, base
	case len(parts) == 4 && name == "memo/"+parts[1]+"/"+base[:2]+"/"+base:
		e.Class, e.Kind = Memos, parts[1]
	}
	return e
}

// EntryNamed is the entry of that name.
//
// Errors: ErrNotFound, wrapped, where there is no file of that name, or none that the store knows.
func (s *Store) EntryNamed(name string) (Entry, error) {
	if path.Clean(name) == name && filepath.IsLocal(filepath.FromSlash(name)) {
		if info, err := os.Lstat(s.file(name)); err == nil {
			if e := s.entryOf(name, info); e.Class != Foreign {
				return e, nil
			}
		}
	}
	return Entry{}, fmt.Errorf("%s: %w", name, ErrNotFound)
}

func (s *Store) file(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

// OpenEntry opens a file of the store for reading, without using it.
func (s *Store) OpenEntry(e Entry) (*os.File, error) {
	f, err := os.Open(s.file(e.Name))
	if err != nil {
		return nil, diag.Wrap(err, diag.Failure, "reading the store %s", s.dir)
	}
	return f, nil
}

// RemoveEntry removes a file of the store. It may be gone already. Who removes what others may need has the store to themselves
// ([Store.Exclusive]).
func (s *Store) RemoveEntry(e Entry) error {
	name := s.file(e.Name)
	if e.Class == Trees {
		if err := s.removeTree(name); err != nil {
			return s.fail(err, "removing %s", e.Name)
		}
		_ = os.Remove(filepath.Dir(name))
		return nil
	}
	if e.SHA256 != "" {
		s.closeIdle(e.SHA256)
	}
	if e.Class == Scratch { // a folder, if it is of a tree or a build
		if err := RemoveFolder(name); err != nil {
			return s.fail(err, "removing %s", e.Name)
		}
		return nil
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s.fail(err, "removing %s", e.Name)
	}
	if e.Class == Blobs || e.Class == Memos {
		_ = os.Remove(filepath.Dir(name)) // where it was the last; a folder that is not empty stays
	}
	return nil
}

// ErrDamaged says that a memo is not as it was written.
var ErrDamaged = errors.New("damaged")

// maxMemo is how many bytes of a memo are read: the largest are indexes of a distribution's contents.
const maxMemo = 1 << 30

// ReadMemo reads the memo of an entry, without using it. tail is the second part of one in two; it is as it was found, and the kind
// says how it is checked.
//
// Errors: ErrDamaged, wrapped; diag errors of reading.
func (s *Store) ReadMemo(e Entry) (data, tail []byte, err error) {
	f, err := s.OpenEntry(e)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxMemo))
	if err != nil {
		return nil, nil, diag.Wrap(err, diag.Failure, "reading the store %s", s.dir)
	}
	data, tail, ok := partsOf(raw)
	if !ok {
		return nil, nil, fmt.Errorf("%s: %w", e.Name, ErrDamaged)
	}
	return data, tail, nil
}

// partsOf takes the file of a memo apart, and holds it to its checksum.
func partsOf(raw []byte) (data, tail []byte, ok bool) {
	if rest, ok := bytes.CutPrefix(raw, []byte(memoMagic)); ok {
		if len(rest) < sha256.Size {
			return nil, nil, false
		}
		data = rest[sha256.Size:]
		return data, nil, sha256.Sum256(data) == [sha256.Size]byte(rest)
	}
	if len(raw) < partsHeader || string(raw[:len(partsMagic)]) != partsMagic {
		return nil, nil, false
	}
	length := binary.LittleEndian.Uint32(raw[len(partsMagic):])
	rest := raw[partsHeader:]
	if uint64(length) > uint64(len(rest)) {
		return nil, nil, false
	}
	sum, _ := headSum(length, rest[:length])
	return rest[:length], rest[length:], string(sum[:]) == string(raw[len(partsMagic)+4:partsHeader])
}

// Hash gives the SHA-256 of a file of the store, without using it; read is told of bytes as they are read.
func (s *Store) Hash(ctx context.Context, e Entry, read func(n int64)) (string, error) {
	f, err := s.OpenEntry(e)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	b := make([]byte, 1<<20)
	for {
		n, err := (&contextReader{ctx, f}).Read(b)
		h.Write(b[:n])
		read(int64(n))
		if err == io.EOF {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return "", diag.Wrap(err, 0, "reading %s", s.file(e.Name))
		}
	}
}

// AddMemo puts the file of a memo, as another store has it, in its place, unless there is one; added tells which.
//
// Errors: ErrDamaged, wrapped, for what is no memo or has another checksum; diag errors of the file system.
func (s *Store) AddMemo(name string, raw []byte) (added bool, err error) {
	parts := strings.Split(name, "/")
	base := parts[len(parts)-1]
	if len(parts) != 4 || checkHash(base) != nil || name != "memo/"+parts[1]+"/"+base[:2]+"/"+base || checkKind(parts[1]) != nil {
		return false, fmt.Errorf("%.200q is the name of no memo: %w", name, ErrDamaged)
	}
	if _, _, ok := partsOf(raw); !ok {
		return false, fmt.Errorf("%s: %w", name, ErrDamaged)
	}
	if _, err := os.Lstat(s.file(name)); err == nil {
		return false, nil
	}
	return true, s.writeFile(s.file(name), parts[1], raw)
}
