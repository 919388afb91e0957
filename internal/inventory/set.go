package inventory

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/store"
)

// A set is part of a store as a file: a tar, of which the first member lists the others in their order, so that what is cut off or
// changed is noticed. It has a line "envpack set 1", and one "SHA256 SIZE NAME" for each; names are those of the store. Members are
// sorted by name, and nothing but their content is of a time, a user or a machine.
const (
	setList  = "envpack-set"
	setMagic = "envpack set 1\n"
)

// maxList bounds the first member of a set, and largestNote a note in one.
const (
	maxList     = 256 << 20
	largestNote = 1 << 30
)

// Size is how much something is.
type Size struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

func (s *Size) add(n int64) {
	s.Files++
	s.Bytes += n
}

// WriteSet writes files of the store as a set. read is told of their bytes.
//
// Errors: of code Mismatch for a file that is damaged; those of the store and of w.
func WriteSet(ctx context.Context, w io.Writer, st *store.Store, entries []store.Entry, read func(n int64)) (Size, error) {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b store.Entry) int { return strings.Compare(a.Name, b.Name) })
	entries = slices.CompactFunc(entries, func(a, b store.Entry) bool { return a.Name == b.Name })
	var list bytes.Buffer
	list.WriteString(setMagic)
	sums := make([]string, len(entries))
	for i, e := range entries {
		sums[i] = e.SHA256
		if e.Class == store.Memos {
			var err error
			if sums[i], err = st.Hash(ctx, e, func(int64) {}); err != nil {
				return Size{}, err
			}
		}
		fmt.Fprintf(&list, "%s %d %s\n", sums[i], e.Size, e.Name)
	}
	out := bufio.NewWriterSize(w, 1<<20)
	archive := tar.NewWriter(out)
	if err := member(archive, setList, int64(list.Len())); err != nil {
		return Size{}, err
	}
	if _, err := archive.Write(list.Bytes()); err != nil {
		return Size{}, err
	}
	var written Size
	for i, e := range entries {
		if err := writeMember(ctx, archive, st, e, sums[i], read); err != nil {
			return Size{}, err
		}
		written.add(e.Size)
	}
	if err := archive.Close(); err != nil {
		return Size{}, err
	}
	return written, out.Flush()
}

func member(archive *tar.Writer, name string, size int64) error {
	return archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0)})
}

func writeMember(ctx context.Context, archive *tar.Writer, st *store.Store, e store.Entry, want string, read func(n int64)) error {
	f, err := st.OpenEntry(e)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := member(archive, e.Name, e.Size); err != nil {
		return err
	}
	sum := sha256.New()
	b := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, rerr := f.Read(b)
		sum.Write(b[:n])
		read(int64(n))
		if _, err := archive.Write(b[:n]); errors.Is(err, tar.ErrWriteTooLong) {
			break // it is longer than it was
		} else if err != nil {
			return err
		}
		if rerr == io.EOF {
			break
		}
		if rerr != nil {
			return diag.Wrap(rerr, diag.Failure, "reading %s", e.Name)
		}
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return diag.New(diag.Mismatch, "%s in the store is damaged: its sha256 is %s, not %s", e.Name, got, want).
			Hint("`envpack cache verify --remove` finds what is damaged and removes it; what is missing then is fetched again")
	}
	return nil
}

// Imported is what came of reading a set.
type Imported struct {
	Added   Size `json:"added"`
	Present Size `json:"present"` // what the store had already
}

// ReadSet puts what is in a set into the store. Every file is held to its hash before it gets there, and a file that the store has is left
// as it is. What came before a failure stays. read is told of bytes.
//
// Errors: of code Mismatch for a file that is no set, is cut off, or has a damaged file; those of the store and of r.
func ReadSet(ctx context.Context, r io.Reader, st *store.Store, read func(n int64)) (Imported, error) {
	var got Imported
	archive := tar.NewReader(&counting{ctx, bufio.NewReaderSize(r, 1<<20), read})
	list, err := readList(archive)
	if ctx.Err() != nil {
		return got, ctx.Err()
	}
	if err != nil {
		return got, err
	}
	for _, want := range list {
		head, err := archive.Next()
		if err != nil {
			return got, broken(ctx, err, "it ends before %s", want.name)
		}
		if head.Name != want.name || head.Size != want.size || head.Typeflag != tar.TypeReg {
			return got, broken(ctx, nil, "%.200q with %d bytes stands where its list says %s with %d", head.Name, head.Size, want.name, want.size)
		}
		added, err := put(ctx, archive, st, want)
		if err != nil {
			return got, err
		}
		if added {
			got.Added.add(want.size)
		} else {
			got.Present.add(want.size)
		}
	}
	if head, err := archive.Next(); err == nil {
		return got, broken(ctx, nil, "it has %.200q, which is not in its list", head.Name)
	} else if err != io.EOF {
		return got, broken(ctx, err, "its end")
	}
	return got, nil
}

type listed struct {
	sum  string
	size int64
	name string
}

func readList(archive *tar.Reader) ([]listed, error) {
	head, err := archive.Next()
	if err != nil || head.Name != setList || head.Size > maxList {
		return nil, diag.New(diag.Mismatch, "this is no file that `envpack cache export` wrote")
	}
	data, err := io.ReadAll(archive)
	if err != nil {
		return nil, diag.Wrap(err, diag.Mismatch, "reading the list of its files")
	}
	text, ok := strings.CutPrefix(string(data), setMagic)
	if !ok {
		return nil, diag.New(diag.Mismatch, "the set is of a form that this envpack does not know: %.40q", data).Hint("use the envpack that wrote it, or a newer one")
	}
	var list []listed
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if len(fields) != 3 {
			return nil, diag.New(diag.Mismatch, "its list has the line %.200q", line)
		}
		n, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil || n < 0 {
			return nil, diag.New(diag.Mismatch, "its list has the line %.200q", line)
		}
		list = append(list, listed{fields[0], n, fields[2]})
	}
	return list, nil
}

// ofLayers are the kinds of notes that are believed when an image is made. Each store makes its own.
var ofLayers = []string{"layer", "recipe", "settlement"}

// put stores one file.
func put(ctx context.Context, from io.Reader, st *store.Store, want listed) (added bool, err error) {
	if sum, ok := strings.CutPrefix(want.name, "blobs/sha256/"); ok {
		if len(want.sum) != 64 || sum != want.sum[:2]+"/"+want.sum {
			return false, broken(ctx, nil, "its list has %.200q for the hash %.64q", want.name, want.sum)
		}
		if st.Has(want.sum) {
			return false, nil
		}
		err := st.Put(ctx, from, want.sum, want.size)
		if m := (*store.MismatchError)(nil); errors.As(err, &m) || errors.Is(err, io.ErrUnexpectedEOF) {
			return false, broken(ctx, err, "%s", want.name)
		}
		return err == nil, err
	}
	if kind, _, _ := strings.Cut(strings.TrimPrefix(want.name, "memo/"), "/"); slices.Contains(ofLayers, kind) {
		return false, broken(ctx, nil, "it has a note of the kind %s, which decides a layer's bytes and is in no set", kind)
	}
	if want.size > largestNote {
		return false, broken(ctx, nil, "%.200q has %d bytes", want.name, want.size)
	}
	raw, err := io.ReadAll(from)
	if err != nil {
		return false, broken(ctx, err, "%.200q", want.name)
	}
	if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != want.sum {
		return false, broken(ctx, nil, "%.200q is damaged", want.name)
	}
	added, err = st.AddMemo(want.name, raw)
	if errors.Is(err, store.ErrDamaged) {
		return false, broken(ctx, err, "")
	}
	return added, err
}

// broken is the error of a set that is not as it was written.
func broken(ctx context.Context, err error, format string, args ...any) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var own *diag.Error
	if errors.As(err, &own) && diag.CodeOf(err) != diag.Mismatch {
		return err
	}
	what := "the set is damaged"
	if format != "" {
		what += ": " + fmt.Sprintf(format, args...)
	}
	return diag.Wrap(err, diag.Mismatch, "%s", what).Hint("copy or export it again; what was imported before stays")
}

type counting struct {
	ctx  context.Context
	r    io.Reader
	read func(n int64)
}

// Read implements io.Reader.
func (c *counting) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.read(int64(n))
	return n, err
}
