package backend

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/decoder"
	"github.com/envpack/envpack/internal/sdistfile"
)

// Bounds of an archive that is unpacked. They are far above what any source distribution has.
const (
	maxMembers  = 200_000
	maxUnpacked = 8 << 30 // bytes
	maxName     = 4096    // bytes of a member's path
)

// epoch stands for times that no zip can have (APPNOTE 4.4.6) and that many tools therefore refuse.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// Unpack unpacks a source distribution, whose format its name tells (.tar.gz, .tgz, .tar.bz2, .tar.xz, .tar, .zip), into dir,
// which is empty. root is the one folder at the archive's top, relative to dir; "." where there are several, or files, as
// archives from before PEP 625 may have. Files keep their times, since makefiles look at them, and of their modes whether
// they can be run; newest is the latest of the times, not before 1980. Folders are left as they were made, for [DateFolders].
//
// Errors: an archive that is damaged, goes beyond what is read, leaves its folder by a name or a link, or has what is neither
// file nor folder nor link (PEP 721).
func Unpack(ctx context.Context, name string, r io.ReaderAt, size int64, dir string) (root string, newest time.Time, err error) {
	into, err := os.OpenRoot(dir)
	if err != nil {
		return "", epoch, err
	}
	defer into.Close()
	u := &unpacking{ctx: ctx, into: into, left: maxUnpacked, newest: epoch, times: map[string]time.Time{}}
	if err := u.archive(name, io.NewSectionReader(r, 0, size)); err != nil {
		return "", epoch, fmt.Errorf("unpacking %s: %w", name, err)
	}
	if err := u.setTimes(); err != nil {
		return "", epoch, fmt.Errorf("unpacking %s: %w", name, err)
	}
	if root, err = topOf(dir); err != nil {
		return "", epoch, err
	}
	return root, u.newest, nil
}

// topOf is the one folder in a folder, "." if there is more.
func topOf(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(entries) == 1 && entries[0].IsDir() {
		return entries[0].Name(), nil
	}
	return ".", nil
}

type unpacking struct {
	ctx     context.Context
	into    *os.Root
	members int
	left    int64 // bytes that may still come
	newest  time.Time
	times   map[string]time.Time // of files, by path
}

func (u *unpacking) archive(name string, r *io.SectionReader) error {
	lower := strings.ToLower(name)
	switch {
	case strings.HasSuffix(lower, ".zip"):
		return u.zip(r)
	case strings.HasSuffix(lower, ".tar.gz"), strings.HasSuffix(lower, ".tgz"):
		z, err := gzip.NewReader(bufio.NewReaderSize(r, 1<<16))
		if err != nil {
			return fmt.Errorf("not a gzip file: %w", err)
		}
		return u.tar(z)
	case strings.HasSuffix(lower, ".tar.bz2"), strings.HasSuffix(lower, ".tbz"):
		return u.tar(bzip2.NewReader(bufio.NewReaderSize(r, 1<<16)))
	case strings.HasSuffix(lower, ".tar.xz"):
		x, err := decoder.XZ(bufio.NewReaderSize(r, 1<<16))
		if err != nil {
			return fmt.Errorf("not an xz file: %w", err)
		}
		defer x.Close()
		return u.tar(x)
	case strings.HasSuffix(lower, ".tar"):
		return u.tar(r)
	}
	return errors.New("its name ends like that of no archive of sources (.tar.gz, .tar.bz2, .tar.xz, .zip)")
}

// begin counts a member and gives its path; "" for the root itself.
func (u *unpacking) begin(name string) (string, error) {
	if u.members++; u.members > maxMembers {
		return "", fmt.Errorf("it has more than %d members", maxMembers)
	}
	if err := u.ctx.Err(); err != nil {
		return "", err
	}
	clean := path.Clean(strings.TrimRight(name, "/"))
	switch {
	case name == "" || len(name) > maxName || strings.ContainsAny(name, "\x00"):
		return "", fmt.Errorf("a member is called %.60q", name)
	case path.IsAbs(name), clean == "..", strings.HasPrefix(clean, "../"):
		return "", fmt.Errorf("the member %q leads out of its folder", name)
	case clean == ".":
		return "", nil
	}
	return clean, nil
}

// file writes a file. A member of the same path before it is replaced, as tar does.
func (u *unpacking) file(name string, r io.Reader, mode fs.FileMode, modified time.Time) error {
	if err := u.into.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if err := u.into.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	perm := fs.FileMode(0o644)
	if mode&0o111 != 0 {
		perm = 0o755
	}
	f, err := u.into.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(waiting{u.ctx, r}, u.left+1))
	if u.left -= n; err == nil && u.left < 0 {
		err = fmt.Errorf("it unpacks to more than %d bytes", int64(maxUnpacked))
	}
	if err == nil {
		err = f.Chmod(perm) // whatever the umask is
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	u.seen(name, modified)
	return nil
}

func (u *unpacking) seen(name string, modified time.Time) {
	if modified = modified.Truncate(time.Second); modified.Before(epoch) {
		modified = epoch
	}
	u.times[name] = modified
	if modified.After(u.newest) {
		u.newest = modified
	}
}

// link makes a symbolic link whose target, as it is written, lies within the folder. Through other links it may still lead out: who
// reads what was unpacked does so by an [os.Root], as is done here, or in the sandbox.
func (u *unpacking) link(name, target string) error {
	if end := path.Join(path.Dir(name), target); path.IsAbs(target) || end == ".." || strings.HasPrefix(end, "../") || target == "" {
		return fmt.Errorf("the link %s leads out of its folder, to %s", name, target)
	}
	if err := u.into.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if err := u.into.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	delete(u.times, name) // of a file before it, or what the link leads to would get it
	return u.into.Symlink(filepath.FromSlash(target), name)
}

// DateFolders gives a folder and all below it, but no files, a time. Who makes a file in one changes it, so this comes last.
func DateFolders(root *os.Root, at time.Time) error {
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return root.Chtimes(name, at, at)
	})
}

// setTimes gives files their times, when nothing changes them any more.
func (u *unpacking) setTimes() error {
	for _, name := range slices.Sorted(maps.Keys(u.times)) {
		modified := u.times[name]
		if err := u.into.Chtimes(name, modified, modified); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// waiting reads as long as somebody waits for it.
type waiting struct {
	ctx context.Context
	r   io.Reader
}

func (w waiting) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.r.Read(p)
}

func (u *unpacking) zip(r *io.SectionReader) error {
	if err := sdistfile.FewMembers(r, r.Size()); err != nil {
		return err
	}
	z, err := zip.NewReader(r, r.Size())
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return fmt.Errorf("not a readable zip: %w", err)
	}
	for _, f := range z.File {
		name, err := u.begin(strings.ReplaceAll(f.Name, `\`, "/"))
		if err != nil {
			return err
		}
		mode := f.Mode()
		switch {
		case name == "":
		case mode.IsDir() || strings.HasSuffix(f.Name, "/"):
			err = u.into.MkdirAll(name, 0o755)
		case mode.IsRegular() || mode&fs.ModeSymlink != 0:
			err = u.zipped(f, name)
		default:
			err = fmt.Errorf("%s is neither a file nor a folder", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (u *unpacking) zipped(f *zip.File, name string) error {
	m, err := f.Open()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer m.Close()
	if f.Mode()&fs.ModeSymlink == 0 {
		return u.file(name, m, f.Mode(), f.Modified)
	}
	target, err := io.ReadAll(io.LimitReader(m, maxName))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return u.link(name, string(target))
}

func (u *unpacking) tar(r io.Reader) error {
	bounded := &io.LimitedReader{R: waiting{u.ctx, r}, N: maxUnpacked + maxMembers*1024}
	t := tar.NewReader(bounded)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) && bounded.N > 0 {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			if bounded.N <= 0 {
				return fmt.Errorf("it unpacks to more than %d bytes", int64(maxUnpacked))
			}
			return fmt.Errorf("not a readable tar: %w", err)
		}
		name, err := u.begin(h.Name)
		if err != nil {
			return err
		}
		if err := u.member(t, h, name); err != nil {
			return err
		}
	}
}

func (u *unpacking) member(t *tar.Reader, h *tar.Header, name string) error {
	switch h.Typeflag {
	case tar.TypeXGlobalHeader:
		return nil
	case tar.TypeDir:
		if name == "" {
			return nil
		}
		return u.into.MkdirAll(name, 0o755)
	}
	if name == "" {
		return fmt.Errorf("the member %q is no folder", h.Name)
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse:
		return u.file(name, t, h.FileInfo().Mode(), h.ModTime)
	case tar.TypeSymlink:
		return u.link(name, h.Linkname)
	case tar.TypeLink:
		target, err := u.begin(h.Linkname)
		if err != nil {
			return err
		}
		return u.hardLink(name, target, h)
	}
	return fmt.Errorf("%s is neither a file nor a folder (type %q)", name, h.Typeflag)
}

// hardLink copies what came before under another name, so that changing one does not change the other.
func (u *unpacking) hardLink(name, target string, h *tar.Header) error {
	if name == target {
		return nil
	}
	info, err := u.into.Lstat(target)
	if err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("%s is a link to %s, which no file before it is", name, h.Linkname)
	}
	f, err := u.into.Open(target)
	if err != nil {
		return err
	}
	defer f.Close()
	return u.file(name, f, info.Mode(), h.ModTime)
}
