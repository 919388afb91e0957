package layer_test

import (
	"archive/tar"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/internal/wheelfile"
)

// blob is a blob in memory.
type blob struct {
	*bytes.Reader
	sum string
}

func newBlob(data []byte) blob {
	sum := sha256.Sum256(data)
	return blob{bytes.NewReader(data), hex.EncodeToString(sum[:])}
}

func (b blob) SHA256() string { return b.sum }

// parts collects the bytes of a blob and the contents in it.
type parts struct{ data []byte }

func (p *parts) deflated(content []byte, stream []byte) func(layer.Blob) layer.Content {
	at := int64(len(p.data))
	p.data = append(p.data, stream...)
	return func(b layer.Blob) layer.Content {
		return layer.Deflated{Blob: b, Offset: at, Compressed: int64(len(stream)), Length: int64(len(content)), CRC32: crc32.ChecksumIEEE(content)}
	}
}

func (p *parts) stored(content []byte) func(layer.Blob) layer.Content {
	at := int64(len(p.data))
	p.data = append(p.data, content...)
	return func(b layer.Blob) layer.Content {
		return layer.Stored{Blob: b, Offset: at, Length: int64(len(content)), CRC32: crc32.ChecksumIEEE(content)}
	}
}

// text is n bytes that deflate well.
func text(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "line %d of the text, and %x\n", i, i*i)
	}
	return b.Bytes()[:n]
}

func noise(n int) []byte {
	p := make([]byte, n)
	rand.New(rand.NewSource(1)).Read(p)
	return p
}

// deflate is a stream of compress/flate, whose bytes may differ between versions of Go.
func deflate(t testing.TB, p []byte, level int) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(p); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t testing.TB, entries []layer.Entry, opts layer.Options) (*layer.Result, []byte) {
	t.Helper()
	var out bytes.Buffer
	opts.Output = &out
	r, err := layer.Write(context.Background(), entries, opts)
	if err != nil {
		t.Fatal(err)
	}
	return r, out.Bytes()
}

// sample has each kind of entry and of content. Its streams are the frozen encoder's.
func sample() (entries []layer.Entry, wheel blob, contents map[string][]byte) {
	contents = map[string][]byte{
		"opt/env/a.py":      text(100),
		"opt/env/big.so":    append(text(300_000), noise(70_000)...),
		"opt/env/empty":     {},
		"opt/env/none":      {},
		"opt/env/stored":    noise(150_000),
		"opt/env/tiny":      []byte("x"),
		"opt/env/generated": text(2000),
		"opt/env/opened":    text(400_000),
	}
	var p parts
	p.data = append(p.data, "head of the wheel"...)
	made := map[string]func(layer.Blob) layer.Content{}
	for _, name := range []string{"opt/env/a.py", "opt/env/big.so", "opt/env/empty", "opt/env/tiny"} {
		made[name] = p.deflated(contents[name], testenv.Deflate(contents[name]))
	}
	made["opt/env/stored"] = p.stored(contents["opt/env/stored"])
	wheel = newBlob(append(p.data, "tail of the wheel"...))
	for name, make := range made {
		entries = append(entries, layer.Entry{Path: name, Kind: layer.File, Mode: 0o644, Content: make(wheel)})
	}
	long := "opt/env/" + strings.Repeat("directory/", 9)
	entries = append(entries,
		layer.Entry{Path: "opt/env/none", Kind: layer.File, Mode: 0o755},
		layer.Entry{Path: "opt/env/generated", Kind: layer.File, Mode: 0o644, Content: layer.Bytes(contents["opt/env/generated"])},
		layer.Entry{Path: "opt/env/opened", Kind: layer.File, Mode: 0o4755, UID: 7, GID: 1000, Content: layer.Opener{Length: 400_000, Open: func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(contents["opt/env/opened"])), nil
		}}},
		layer.Entry{Path: "opt/env/a-link", Kind: layer.Hardlink, Link: "opt/env/tiny"},
		layer.Entry{Path: "opt/env/z-link", Kind: layer.Hardlink, Link: "opt/env/a-link"},
		layer.Entry{Path: "opt/env/s", Kind: layer.Symlink, Mode: 0o777, Link: "../" + strings.Repeat("x", 120)},
		layer.Entry{Path: "opt/env/ümlaut", Kind: layer.Symlink, Mode: 0o777, Link: "größe"},
		layer.Entry{Path: long + "file-with-a-name", Kind: layer.File, Mode: 0o644, Content: layer.Bytes("in USTAR's prefix")},
		layer.Entry{Path: long + long + strings.Repeat("n", 120), Kind: layer.File, Mode: 0o644, Content: layer.Bytes("in PAX")},
		layer.Entry{Path: "tmp", Kind: layer.Dir, Mode: 0o1777},
	)
	return layer.WithParents(entries), wheel, contents
}

// unpack is each path of a tar with what is known of it.
func unpack(t *testing.T, r io.Reader) (names []string, bodies map[string][]byte, headers map[string]*tar.Header) {
	t.Helper()
	bodies, headers = map[string][]byte{}, map[string]*tar.Header{}
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(h.Name, "/")
		if (h.Typeflag == tar.TypeDir) != (name != h.Name) {
			t.Errorf("%q has type %c", h.Name, h.Typeflag)
		}
		body, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
		bodies[name], headers[name] = body, h
	}
}

func TestWrite(t *testing.T) {
	entries, _, contents := sample()
	var seen int64
	r, out := write(t, entries, layer.Options{Progress: func(n int64) { seen += n }})
	z, err := gzip.NewReader(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	z.Multistream(false)
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if z.Reset(bytes.NewReader(nil)) != io.EOF {
		t.Error("more than one member")
	}
	if int64(len(raw)) != r.TarSize || int64(len(out)) != r.Size || digest(out) != r.Digest || digest(raw) != r.DiffID {
		t.Errorf("result %+v is not of these bytes", r.Descriptor)
	}
	if len(bytes.TrimRight(raw, "\x00"))+1024 > len(raw) || len(raw)%512 != 0 {
		t.Error("the tar does not end in two zero blocks")
	}
	names, bodies, headers := unpack(t, bytes.NewReader(raw))
	var want []string
	var total int64
	for _, e := range entries {
		want = append(want, e.Path)
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	for name, body := range contents {
		total += int64(len(body))
		if name == "opt/env/tiny" {
			name = "opt/env/a-link" // the first by name is the file
		}
		if !bytes.Equal(bodies[name], body) {
			t.Errorf("%s: %d bytes, want %d", name, len(bodies[name]), len(body))
		}
	}
	if seen < total {
		t.Errorf("progress told of %d bytes, want %d", seen, total)
	}
	for _, name := range []string{"opt/env/tiny", "opt/env/z-link"} {
		if h := headers[name]; h.Typeflag != tar.TypeLink || h.Linkname != "opt/env/a-link" || h.Mode != 0o644 {
			t.Errorf("%s: %+v", name, h)
		}
	}
	if h := headers["opt/env/ümlaut"]; h == nil || h.Linkname != "größe" || h.Format != tar.FormatPAX {
		t.Errorf("ümlaut: %+v", h)
	}
	if h := headers["opt/env/opened"]; h.Mode != 0o4755 || h.Uid != 7 || h.Gid != 1000 {
		t.Errorf("opened: %+v", h)
	}
	if h := headers["tmp"]; h.Mode != 0o1777 {
		t.Errorf("tmp: %+v", h)
	}
	for name, h := range headers {
		if h.ModTime.Unix() != layer.Mtime || h.Uname != "" || h.Gname != "" {
			t.Errorf("%s: %+v", name, h)
		}
		if h.Format == tar.FormatPAX && !(strings.Contains(name, "nnn") || strings.Contains(name, "ü") || name == "opt/env/s" || len(name) > 100) {
			t.Errorf("%s needs no PAX", name)
		}
	}
}

func digest(p []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(p)) }

// TestGolden pins the bytes of writer version 1. A change here is a change of every image: it needs
// a new version beside the old one.
func TestGolden(t *testing.T) {
	entries, wheel, _ := sample()
	file := func(p string, c layer.Content) []layer.Entry {
		return []layer.Entry{{Path: p, Kind: layer.File, Mode: 0o644, Content: c}}
	}
	var p parts
	spliced := p.deflated(text(5000), testenv.Deflate(text(5000)))
	stored := p.stored(noise(70_000))
	b := newBlob(p.data)
	for _, test := range []struct {
		name           string
		entries        []layer.Entry
		digest, diffID string
	}{
		{"nothing", nil, goldenNothing[0], goldenNothing[1]},
		{"folder", layer.WithParents([]layer.Entry{{Path: "opt/env", Kind: layer.Dir, Mode: 0o755}}), goldenFolder[0], goldenFolder[1]},
		{"bytes", file("a", layer.Bytes("content\n")), goldenBytes[0], goldenBytes[1]},
		{"deflated", file("a", spliced(b)), goldenDeflated[0], goldenDeflated[1]},
		{"stored", file("a", stored(b)), goldenStored[0], goldenStored[1]},
		{"sample", entries, goldenSample[0], goldenSample[1]},
	} {
		r, _ := write(t, test.entries, layer.Options{})
		if r.Digest != test.digest || r.DiffID != test.diffID {
			t.Errorf("%s: {%q, %q}", test.name, r.Digest, r.DiffID)
		}
	}
	if want := "sha256:" + wheel.sum; want != goldenWheel {
		t.Errorf("the sample's wheel is %s", want)
	}
}

func TestDeterminism(t *testing.T) {
	entries, _, contents := sample()
	want, _ := write(t, entries, layer.Options{})
	for _, procs := range []int{1, 2, 8} {
		old := runtime.GOMAXPROCS(procs)
		for range 3 {
			rand.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
			for i := range entries {
				if o, ok := entries[i].Content.(layer.Opener); ok {
					o.Open = func() (io.ReadCloser, error) {
						r := bytes.NewReader(contents["opt/env/opened"])
						return io.NopCloser(iotest.DataErrReader(iotest.HalfReader(r))), nil
					}
					entries[i].Content = o
				}
			}
			got, _ := write(t, entries, layer.Options{})
			if got.Descriptor != want.Descriptor {
				t.Errorf("with %d processors: %+v, want %+v", procs, got.Descriptor, want.Descriptor)
			}
		}
		runtime.GOMAXPROCS(old)
	}
	got, _ := write(t, entries, layer.Options{NoRecipe: true})
	if got.Descriptor != want.Descriptor || got.Recipe != nil {
		t.Errorf("without recipe: %+v", got.Descriptor)
	}
}

// TestStreams splices streams of all levels and lengths, so that each number of bits is left in the last byte.
func TestStreams(t *testing.T) {
	var p parts
	var made []func(layer.Blob) layer.Content
	var contents [][]byte
	for n := 1; n < 400; n += 3 {
		for _, level := range []int{flate.HuffmanOnly, flate.NoCompression, flate.BestSpeed, flate.BestCompression} {
			c := text(n * n / 8)
			contents = append(contents, c)
			made = append(made, p.deflated(c, deflate(t, c, level)))
		}
	}
	b := newBlob(p.data)
	var entries []layer.Entry
	for i, m := range made {
		entries = append(entries, layer.Entry{Path: fmt.Sprintf("%04d", i), Kind: layer.File, Mode: 0o644, Content: m(b)})
	}
	r, out := write(t, entries, layer.Options{})
	z, err := gzip.NewReader(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	_, bodies, _ := unpack(t, z)
	for i, c := range contents {
		if !bytes.Equal(bodies[fmt.Sprintf("%04d", i)], c) {
			t.Errorf("stream %d differs", i)
		}
	}
	checkRecipe(t, r, out, b)
}

// TestLongBlocks has streams whose last block begins anywhere around the places where the decoder reads more, and is so long that its head
// was passed on before it ends.
func TestLongBlocks(t *testing.T) {
	letters := bytes.Repeat([]byte("abcdefgh"), 25_000)
	var p parts
	var made []func(layer.Blob) layer.Content
	var contents [][]byte
	for _, n := range []int{0, 1, 65_000, 65_480, 65_490, 65_494, 65_495, 65_496, 65_497, 65_498, 65_499, 65_500, 65_501, 65_510, 65_520, 65_526, 65_527, 65_528, 65_529, 65_530, 65_531, 65_532, 65_535} {
		raw := append([]byte{0, byte(n), byte(n >> 8), ^byte(n), ^byte(n >> 8)}, noise(n)...)
		contents = append(contents, append(noise(n), letters...))
		made = append(made, p.deflated(contents[len(contents)-1], append(raw, fixedBlock(letters)...)))
	}
	b := newBlob(p.data)
	var entries []layer.Entry
	for i, m := range made {
		sum := sha256.Sum256(contents[i])
		e := layer.Entry{Path: fmt.Sprintf("%02d", i), Kind: layer.File, Mode: 0o644, Content: m(b), Stated: &wheelfile.Digest{Algorithm: wheelfile.SHA256, Sum: sum[:]}}
		entries = append(entries, e)
	}
	r, out := write(t, entries, layer.Options{})
	if len(r.Deviations) > 0 {
		t.Errorf("%d deviations", len(r.Deviations))
	}
	z, err := gzip.NewReader(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	_, bodies, _ := unpack(t, z)
	for i, c := range contents {
		if !bytes.Equal(bodies[fmt.Sprintf("%02d", i)], c) {
			t.Errorf("stream %d differs", i)
		}
	}
	checkRecipe(t, r, out, b)
}

// fixedBlock is a last block of ASCII in fixed codes (RFC 1951, 3.2.6).
func fixedBlock(text []byte) (raw []byte) {
	bits, count := 0b011, 3
	add := func(code, length int) { // codes begin with their highest bit
		for i := length - 1; i >= 0; i-- {
			bits |= code >> i & 1 << count
			if count++; count == 8 {
				raw, bits, count = append(raw, byte(bits)), 0, 0
			}
		}
	}
	for _, c := range text {
		add(0x30+int(c), 8)
	}
	add(0, 7)
	return append(raw, byte(bits))
}

// TestHashesOfManyFiles has contents of all sizes about those of blocks and chunks, each with a hash, of which a few are false.
func TestHashesOfManyFiles(t *testing.T) {
	var entries []layer.Entry
	var want []string
	random := rand.New(rand.NewSource(3))
	for i := range 3000 {
		size := random.Intn(1 << random.Intn(13))
		if i%500 == 7 {
			size = 256<<10 - 2000 + random.Intn(4000)
		}
		content := noise(size)
		sum := sha256.Sum256(content)
		stated := &wheelfile.Digest{Algorithm: wheelfile.SHA256, Sum: sum[:]}
		if i%10 == 3 {
			long := sha512.Sum512(content)
			stated = &wheelfile.Digest{Algorithm: "sha512", Sum: long[:]}
		}
		name := fmt.Sprintf("%04d", i)
		if i%97 == 3 || i%100 == 3 {
			stated.Sum[5] ^= 1
			want = append(want, name)
		}
		if i%11 == 5 {
			stated = nil
			want = slices.DeleteFunc(want, func(s string) bool { return s == name })
		}
		entries = append(entries, layer.Entry{Path: name, Kind: layer.File, Mode: 0o644, Content: layer.Bytes(content), Stated: stated})
	}
	r, out := write(t, entries, layer.Options{})
	var got []string
	for _, d := range r.Deviations {
		got = append(got, d.Path)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if sum := sha256.Sum256(out); r.Digest != "sha256:"+hex.EncodeToString(sum[:]) || r.Size != int64(len(out)) {
		t.Errorf("%s of %d bytes is of %d with %x", r.Digest, r.Size, len(out), sum)
	}
	z, err := gzip.NewReader(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	if _, err := io.Copy(h, z); err != nil || r.DiffID != "sha256:"+hex.EncodeToString(h.Sum(nil)) {
		t.Errorf("diff ID %s, the tar has %x, %v", r.DiffID, h.Sum(nil), err)
	}
}

func checkRecipe(t *testing.T, r *layer.Result, out []byte, b layer.Blob) {
	t.Helper()
	data, err := r.Recipe.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var back layer.Recipe
	if err := back.UnmarshalBinary(data); err != nil {
		t.Fatal(err)
	}
	if back.Descriptor != r.Descriptor {
		t.Errorf("recipe of %+v, want %+v", back.Descriptor, r.Descriptor)
	}
	for _, wrap := range []func(io.Reader) io.Reader{
		func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.HalfReader,
	} {
		s, err := back.Open(context.Background(), func(sum string) (layer.Blob, error) {
			if sum != b.SHA256() {
				t.Errorf("asked for blob %s", sum)
			}
			return b, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(wrap(s))
		if err != nil || !bytes.Equal(got, out) {
			t.Errorf("recipe gives %d bytes of %d, %v", len(got), len(out), err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRecipe(t *testing.T) {
	entries, wheel, _ := sample()
	r, out := write(t, entries, layer.Options{})
	if diff := cmp.Diff([]string{wheel.sum}, r.Recipe.Blobs()); diff != "" {
		t.Error(diff)
	}
	checkRecipe(t, r, out, wheel)
	data, err := r.Recipe.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var back layer.Recipe
	step := len(data)/300 + 1
	for n := 0; n < len(data); n += step {
		if err := back.UnmarshalBinary(data[:n]); !errors.Is(err, layer.ErrRecipe) {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
	for i := 0; i < len(data); i += step {
		flipped := bytes.Clone(data)
		flipped[i] ^= 1 << (i % 8)
		if back.UnmarshalBinary(flipped) == nil {
			t.Fatalf("changed at %d: no error", i)
		}
	}
}

// closer is a blob that counts its closings.
type closer struct {
	blob
	closed *int
}

func (c closer) Close() error {
	*c.closed++
	return nil
}

func TestRecipeFailsClosed(t *testing.T) {
	entries, wheel, _ := sample()
	r, _ := write(t, entries, layer.Options{})
	data := make([]byte, wheel.Size())
	if _, err := wheel.ReadAt(data, 0); err != nil {
		t.Fatal(err)
	}
	open := func(b layer.Blob) error {
		s, err := r.Recipe.Open(context.Background(), func(string) (layer.Blob, error) { return b, nil })
		if err != nil {
			return err
		}
		defer s.Close()
		_, err = io.Copy(io.Discard, s)
		return err
	}
	closed := 0
	if err := open(closer{wheel, &closed}); err != nil || closed != 1 {
		t.Errorf("closed %d times, %v", closed, err)
	}
	data[50] ^= 1
	var mismatch *layer.MismatchError
	if err := open(newBlob(data)); !errors.As(err, &mismatch) {
		t.Errorf("changed blob: %v", err)
	}
	if err := open(newBlob(data[:len(data)-1])); err == nil {
		t.Error("short blob: no error")
	}
	lying := fixedSize{newBlob(data[:1000]), wheel.Size()}
	if err := open(lying); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("blob that ends early: %v", err)
	}
	if _, err := r.Recipe.Open(context.Background(), func(string) (layer.Blob, error) { return nil, os.ErrNotExist }); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing blob: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s, err := r.Recipe.Open(ctx, func(string) (layer.Blob, error) { return wheel, nil })
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.Copy(io.Discard, s); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

type fixedSize struct {
	blob
	size int64
}

func (f fixedSize) Size() int64 { return f.size }

func TestStated(t *testing.T) {
	entries, _, contents := sample()
	sum := func(p []byte) []byte { s := sha256.Sum256(p); return s[:] }
	for i := range entries {
		if e := &entries[i]; e.Kind == layer.File && contents[e.Path] != nil {
			e.Stated = &wheelfile.Digest{Algorithm: "sha256", Sum: sum(contents[e.Path])}
			if e.Path == "opt/env/big.so" || e.Path == "opt/env/empty" {
				e.Stated.Sum = sum([]byte("something else"))
			}
			if e.Path == "opt/env/stored" {
				e.Stated = &wheelfile.Digest{Algorithm: "sha512", Sum: make([]byte, 64)}
			}
		}
	}
	r, _ := write(t, entries, layer.Options{})
	var got []string
	for _, d := range r.Deviations {
		got = append(got, d.Path)
		if d.Actual.Algorithm == "sha256" && !bytes.Equal(d.Actual.Sum, sum(contents[d.Path])) || d.Actual.Algorithm != d.Stated.Algorithm {
			t.Errorf("%s: actual %v", d.Path, d.Actual)
		}
	}
	if diff := cmp.Diff([]string{"opt/env/big.so", "opt/env/empty", "opt/env/stored"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestRefuseEntries(t *testing.T) {
	dir := layer.Entry{Path: "a", Kind: layer.Dir, Mode: 0o755}
	file := func(p string) layer.Entry { return layer.Entry{Path: p, Kind: layer.File, Mode: 0o644} }
	b := newBlob(testenv.Deflate([]byte("content")))
	n := b.Size()
	crc := crc32.ChecksumIEEE([]byte("content"))
	with := func(c layer.Content) []layer.Entry {
		e := file("a")
		e.Content = c
		return []layer.Entry{e}
	}
	opener := func(length int64, r io.Reader) []layer.Entry {
		return with(layer.Opener{Length: length, Open: func() (io.ReadCloser, error) { return io.NopCloser(r), nil }})
	}
	big := file("a")
	big.Mode = 0o10000
	owner := file("a")
	owner.UID = 1 << 21
	for _, test := range []struct {
		name    string
		entries []layer.Entry
		want    string
	}{
		{"twice", []layer.Entry{file("a"), file("a")}, "twice"},
		{"absolute", []layer.Entry{file("/a")}, "clean"},
		{"parent", []layer.Entry{file("../a")}, "clean"},
		{"slash", []layer.Entry{file("a/")}, "clean"},
		{"empty", []layer.Entry{file("")}, "clean"},
		{"NUL", []layer.Entry{file("a\x00")}, "clean"},
		{"UTF-8", []layer.Entry{file("\xff")}, "UTF-8"},
		{"whiteout", []layer.Entry{file(".wh.a")}, "whiteout"},
		{"orphan", []layer.Entry{file("a/b")}, "not in the layer"},
		{"child of a file", []layer.Entry{file("a"), file("a/b")}, "no folder"},
		{"mode", []layer.Entry{big}, "mode"},
		{"owner", []layer.Entry{owner}, "owner"},
		{"kind", []layer.Entry{{Path: "a"}}, "kind"},
		{"link without target", []layer.Entry{{Path: "a", Kind: layer.Symlink}}, "target"},
		{"hard link to nothing", []layer.Entry{{Path: "a", Kind: layer.Hardlink, Link: "b"}}, "not in the layer"},
		{"hard link to a folder", []layer.Entry{dir, {Path: "b", Kind: layer.Hardlink, Link: "a"}}, "no file"},
		{"hard links in a ring", []layer.Entry{{Path: "b", Kind: layer.Hardlink, Link: "c"}, {Path: "c", Kind: layer.Hardlink, Link: "b"}}, "itself"},
		{"folder with content", []layer.Entry{{Path: "a", Kind: layer.Dir, Content: layer.Bytes("x")}}, "no file"},
		{"too short", opener(8, strings.NewReader("content")), "7 bytes, not 8"},
		{"too long", opener(6, strings.NewReader("content")), "more than the 6"},
		{"reader fails", opener(7, iotest.ErrReader(errors.New("broken"))), "broken"},
		{"CRC", with(layer.Deflated{Blob: b, Compressed: n, Length: 7, CRC32: crc + 1}), "CRC-32"},
		{"length short", with(layer.Deflated{Blob: b, Compressed: n, Length: 6, CRC32: crc}), "more than 6"},
		{"length long", with(layer.Deflated{Blob: b, Compressed: n, Length: 8, CRC32: crc}), "not 8"},
		{"truncated", with(layer.Deflated{Blob: b, Compressed: n - 1, Length: 7, CRC32: crc}), "truncated"},
		{"outside", with(layer.Deflated{Blob: b, Compressed: n + 1, Length: 7, CRC32: crc}), "not in a blob"},
		{"trailing", with(layer.Deflated{Blob: newBlob(append(testenv.Deflate([]byte("content")), 0)), Compressed: n + 1, Length: 7, CRC32: crc}), "ends after"},
		{"garbage", with(layer.Deflated{Blob: newBlob([]byte{7, 1, 2, 3}), Compressed: 4, Length: 7, CRC32: crc}), "corrupt"},
		{"empty with CRC", with(layer.Deflated{Blob: newBlob(testenv.Deflate(nil)), Compressed: int64(len(testenv.Deflate(nil))), CRC32: 1}), "CRC-32"},
		{"stored CRC", with(layer.Stored{Blob: b, Length: 3, CRC32: 1}), "CRC-32"},
		{"stored outside", with(layer.Stored{Blob: b, Offset: n, Length: 3}), "not in a blob"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := layer.Write(context.Background(), test.entries, layer.Options{})
			var typed *layer.EntryError
			if !errors.As(err, &typed) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestWriteFails(t *testing.T) {
	entries, _, _ := sample()
	broken := errors.New("disk is full")
	if _, err := layer.Write(context.Background(), entries, layer.Options{Output: failing{broken}}); !errors.Is(err, broken) {
		t.Errorf("output fails: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := layer.Write(ctx, entries, layer.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestNew(t *testing.T) {
	entries, wheel, _ := sample()
	r, out := write(t, entries, layer.Options{})
	raw := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(out)), nil }
	recipe := func() (io.ReadCloser, error) {
		return r.Recipe.Open(context.Background(), func(string) (layer.Blob, error) { return wheel, nil })
	}
	for name, open := range map[string]func() (io.ReadCloser, error){"bytes": raw, "recipe": recipe} {
		l, err := layer.New(r.Descriptor, open)
		if err != nil {
			t.Fatal(err)
		}
		d, _ := l.Digest()
		id, _ := l.DiffID()
		size, _ := l.Size()
		if d.String() != r.Digest || id.String() != r.DiffID || size != r.Size {
			t.Errorf("%s: %s %s %d", name, d, id, size)
		}
		c, err := l.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, out) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		u, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, u); err != nil || n != r.TarSize {
			t.Errorf("%s: %d bytes uncompressed, %v", name, n, err)
		}
	}
	if _, err := layer.New(layer.Descriptor{Digest: "sha256:abc", DiffID: r.DiffID}, raw); err == nil {
		t.Error("a bad digest: no error")
	}
	for what, change := range map[string]func([]byte) []byte{
		"cut":     func(p []byte) []byte { return p[:len(p)-1] },
		"longer":  func(p []byte) []byte { return append(p, 0) },
		"changed": func(p []byte) []byte { p[len(p)/2] ^= 1; return p },
		"empty":   func([]byte) []byte { return nil },
	} {
		changed := change(bytes.Clone(out))
		l, err := layer.New(r.Descriptor, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(changed)), nil })
		if err != nil {
			t.Fatal(err)
		}
		c, _ := l.Compressed()
		var mismatch *layer.MismatchError
		if _, err := io.Copy(io.Discard, c); !errors.As(err, &mismatch) {
			t.Errorf("%s: %v", what, err)
		}
		if u, err := l.Uncompressed(); err == nil {
			if _, err := io.Copy(io.Discard, u); err == nil {
				t.Errorf("%s: unpacks", what)
			}
		}
	}
	wrong := r.Descriptor
	wrong.DiffID = wrong.Digest
	l, err := layer.New(wrong, recipe)
	if err != nil {
		t.Fatal(err)
	}
	u, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	var mismatch *layer.MismatchError
	if _, err := io.Copy(io.Discard, u); !errors.As(err, &mismatch) {
		t.Errorf("wrong diff ID: %v", err)
	}
}

// TestOtherReaders unpacks a layer by other programs, as far as they are there.
func TestOtherReaders(t *testing.T) {
	entries, _, contents := sample()
	_, out := write(t, entries, layer.Options{})
	dir := t.TempDir()
	name := filepath.Join(dir, "layer.tar.gz")
	if err := os.WriteFile(name, out, 0o600); err != nil {
		t.Fatal(err)
	}
	ran := 0
	run := func(program string, args ...string) ([]byte, bool) {
		if _, err := exec.LookPath(program); err != nil {
			if testenv.All() {
				t.Errorf("%s is not installed", program)
			}
			return nil, false
		}
		ran++
		cmd := exec.Command(program, args...)
		cmd.Stderr = os.Stderr
		got, err := cmd.Output()
		if err != nil {
			t.Errorf("%s: %v", program, err)
			return nil, false
		}
		return got, true
	}
	z, err := gzip.NewReader(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"gzip", "unpigz", "igzip"} {
		if got, ok := run(program, "-dc", name); ok && !bytes.Equal(got, plain) {
			t.Errorf("%s reads something else", program)
		}
	}
	if got, ok := run("tar", "-tzf", name); ok && strings.Count(string(got), "\n") != len(entries) {
		t.Errorf("tar lists %d entries, want %d", strings.Count(string(got), "\n"), len(entries))
	}
	for _, program := range []string{"tar", "bsdtar"} {
		root := filepath.Join(dir, program)
		if err := os.Mkdir(root, 0o755); err != nil {
			t.Fatal(err)
		}
		if _, ok := run(program, "-xzf", name, "-C", root, "--no-same-owner"); !ok {
			continue
		}
		for p, want := range contents {
			if got, err := os.ReadFile(filepath.Join(root, p)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %s: %d bytes, %v", program, p, len(got), err)
			}
		}
	}
	script := "import sys, tarfile\nwith tarfile.open(sys.argv[1]) as t:\n" +
		"    for m in t:\n        print(m.name, m.size, len(t.extractfile(m).read()) if m.isreg() else '-', m.linkname)\n"
	if got, ok := run("python3", "-c", script, name); ok && strings.Count(string(got), "\n") != len(entries) {
		t.Errorf("python lists %d entries, want %d", strings.Count(string(got), "\n"), len(entries))
	}
	t.Logf("%d programs", ran)
}

// TestWhole has blobs whose stored blocks end at all places, each the same as a stored member, and read by others.
func TestWhole(t *testing.T) {
	for _, n := range []int{0, 1, 32768, 65534, 65535, 65536, 131070, 131071, 65536 * 5, 1 << 20} {
		data := noise(n)
		b := newBlob(data)
		head := layer.Entry{Path: "a", Kind: layer.File, Mode: 0o644, Content: layer.Bytes("before")}
		tail := layer.Entry{Path: "z", Kind: layer.File, Mode: 0o644, Content: layer.Bytes(text(5000))}
		whole := layer.Entry{Path: "model.bin", Kind: layer.File, Mode: 0o644, Content: layer.Whole{Blob: b}}
		r, out := write(t, []layer.Entry{head, whole, tail}, layer.Options{})
		whole.Content = layer.Stored{Blob: b, Length: int64(n), CRC32: crc32.ChecksumIEEE(data)}
		if same, _ := write(t, []layer.Entry{head, whole, tail}, layer.Options{}); same.Descriptor != r.Descriptor {
			t.Errorf("%d bytes: %v, and as a stored member %v", n, r.Descriptor, same.Descriptor)
		}
		z, err := gzip.NewReader(bytes.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		if _, bodies, _ := unpack(t, z); !bytes.Equal(bodies["model.bin"], data) {
			t.Errorf("%d bytes: the content is another", n)
		}
		checkRecipe(t, r, out, b)
		packed, err := r.Recipe.MarshalBinary()
		if err != nil || len(packed) > 5000 {
			t.Errorf("%d bytes: a recipe of %d bytes, %v", n, len(packed), err)
		}
		var again layer.Recipe
		if err := again.UnmarshalBinary(packed); err != nil {
			t.Fatal(err)
		}
		for _, wrap := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.HalfReader} {
			if n > 200_000 {
				continue
			}
			stream, err := again.Open(context.Background(), func(string) (layer.Blob, error) { return b, nil })
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(wrap(stream)); err != nil || !bytes.Equal(got, out) {
				t.Errorf("%d bytes: the recipe gives %d bytes, %v, not %d", n, len(got), err, len(out))
			}
		}
	}
}

// cutBlob says that it is longer than it is.
type cutBlob struct{ blob }

func (c cutBlob) Size() int64 { return c.blob.Size() + 1 }

func TestWholeIsCut(t *testing.T) {
	e := layer.Entry{Path: "model.bin", Kind: layer.File, Mode: 0o644, Content: layer.Whole{Blob: cutBlob{newBlob(noise(100_000))}}}
	if _, err := layer.Write(context.Background(), []layer.Entry{e}, layer.Options{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
}

func FuzzRecipe(f *testing.F) {
	var p parts
	content := p.deflated([]byte("content"), testenv.Deflate([]byte("content")))
	r, _ := write(f, []layer.Entry{{Path: "a", Kind: layer.File, Content: content(newBlob(p.data))}}, layer.Options{})
	data, err := r.Recipe.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data[:len(data)-sha256.Size])
	f.Add(data[:100])
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := sha256.Sum256(body) // or nothing but the checksum would be tried
		data := append(body[:len(body):len(body)], sum[:]...)
		var r layer.Recipe
		if err := r.UnmarshalBinary(data); err != nil {
			return
		}
		again, err := r.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var back layer.Recipe
		if err := back.UnmarshalBinary(again); err != nil || back.Descriptor != r.Descriptor {
			t.Fatalf("reads back as %+v, %v", back.Descriptor, err)
		}
	})
}
