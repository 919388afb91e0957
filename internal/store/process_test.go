package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/testenv"
)

func sum(b []byte) string { h := sha256.Sum256(b); return hex.EncodeToString(h[:]) }

func open(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// files are the paths below dir that are no folders.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			out = append(out, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPutAndRead(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for _, content := range [][]byte{{}, []byte("content"), bytes.Repeat([]byte("0123456789"), 30_000)} {
		id := sum(content)
		if s.Has(id) {
			t.Fatal("has what was not put")
		}
		if _, err := s.Blob(id); !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		if err := s.Put(t.Context(), bytes.NewReader(content), id, int64(len(content))); err != nil {
			t.Fatal(err)
		}
		if err := s.Put(t.Context(), iotestErr{}, id, -1); err != nil {
			t.Errorf("what is there was read again: %v", err)
		}
		b, err := open(t, dir).Blob(id)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
		if err != nil || !bytes.Equal(got, content) || b.SHA256() != id || b.Size() != int64(len(content)) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Verify(id); err != nil {
			t.Error(err)
		}
	}
	want := 4 // the format and three blobs: nothing temporary
	if got := files(t, dir); len(got) != want {
		t.Errorf("files %q", got)
	}
}

type iotestErr struct{}

func (iotestErr) Read([]byte) (int, error) { return 0, errors.New("read") }

func TestPutRefuses(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	content := []byte("content")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name string
		err  error
		code diag.Code
		text string
	}{
		{"hash", s.Put(t.Context(), strings.NewReader("other"), sum(content), -1), diag.Mismatch, "sha256 is " + sum([]byte("other")) + ", not " + sum(content)},
		{"short", s.Put(t.Context(), bytes.NewReader(content), sum(content), 8), diag.Mismatch, "7 bytes instead of 8"},
		{"long", s.Put(t.Context(), bytes.NewReader(content), sum(content), 6), diag.Mismatch, "bytes instead of 6"},
		{"reader", s.Put(t.Context(), iotestErr{}, sum(content), -1), diag.Failure, "read"},
		{"context", s.Put(ended, bytes.NewReader(content), sum(content), -1), diag.Failure, "canceled"},
		{"no hash", s.Put(t.Context(), bytes.NewReader(content), "../../x", -1), diag.Failure, "not a SHA-256"},
		{"upper case", s.Put(t.Context(), bytes.NewReader(content), strings.ToUpper(sum(content)), -1), diag.Failure, "not a SHA-256"},
	} {
		if tt.err == nil || !strings.Contains(tt.err.Error(), tt.text) || diag.CodeOf(tt.err) != tt.code {
			t.Errorf("%s: %v, code %d", tt.name, tt.err, diag.CodeOf(tt.err))
		}
	}
	if got := files(t, dir); len(got) != 1 {
		t.Errorf("something was left: %q", got)
	}
}

func TestCreateAndDiscard(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for range 2 {
		w, err := s.Create()
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, "some ")
		io.WriteString(w, "content")
		id, n, err := w.Commit()
		if err != nil || n != 12 || id != sum([]byte("some content")) || !s.Has(id) {
			t.Errorf("%s %d %v", id, n, err)
		}
		w.Discard()
		if _, err := w.Write(nil); err == nil {
			t.Error("written after the end")
		}
	}
	w, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "nothing")
	w.Discard()
	if got := files(t, dir); len(got) != 2 {
		t.Errorf("files %q", got)
	}
}

func TestVerifyDamage(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	content := []byte("content")
	id := sum(content)
	if err := s.Put(t.Context(), bytes.NewReader(content), id, -1); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "blobs", "sha256", id[:2], id)
	if err := os.WriteFile(name, []byte("c0ntent"), 0o666); err != nil {
		t.Fatal(err)
	}
	err := s.Verify(id)
	var damage *store.DamageError
	if !errors.As(err, &damage) || damage.Path != name || diag.CodeOf(err) != diag.Mismatch || len(diag.HintsOf(err)) == 0 {
		t.Errorf("%v", err)
	}
	if s.Has(id) {
		t.Error("the damaged blob is still there")
	}
	if err := s.Verify(id); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	if err := s.Remove(id); err != nil {
		t.Errorf("removing what is not there: %v", err)
	}
}

func TestMemo(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	keys := []string{"", "a", "a/../b", "https://x.example/\x00é", strings.Repeat("k", 10_000)}
	for _, k := range keys {
		if _, ok := s.Memo("kind-1", k); ok {
			t.Errorf("%q is there", k)
		}
		for _, v := range []string{"first", "", "second of " + k} {
			if err := s.PutMemo("kind-1", k, []byte(v)); err != nil {
				t.Fatal(err)
			}
			if got, ok := s.Memo("kind-1", k); !ok || string(got) != v {
				t.Errorf("%q: %q", k, got)
			}
			if _, ok := s.Memo("kind-2", k); ok {
				t.Error("kinds are not apart")
			}
		}
	}
	for _, kind := range []string{"", "../x", "Kind"} {
		if err := s.PutMemo(kind, "k", nil); err == nil {
			t.Errorf("kind %q was accepted", kind)
		}
		if _, ok := s.Memo(kind, "k"); ok {
			t.Errorf("kind %q was read", kind)
		}
	}
	for _, f := range files(t, filepath.Join(dir, "memo")) {
		name := filepath.Join(dir, "memo", filepath.FromSlash(f))
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		raw[len(raw)-1] ^= 1
		if err := os.WriteFile(name, raw, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range keys {
		if _, ok := s.Memo("kind-1", k); ok {
			t.Errorf("%q is damaged and was read", k)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	newer := t.TempDir()
	os.WriteFile(filepath.Join(newer, "format"), []byte("envpack store 2\n"), 0o666)
	foreign := t.TempDir()
	os.WriteFile(filepath.Join(foreign, "thesis.tex"), nil, 0o666)
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o666)
	for dir, text := range map[string]string{
		newer:   "a format that this envpack does not know",
		foreign: "is not a store: it has no format file, but has thesis.tex",
		file:    file,
	} {
		_, err := store.Open(t.Context(), dir)
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if got := files(t, foreign); len(got) != 1 {
		t.Errorf("a foreign folder was written to: %q", got)
	}
}

func TestOpenCleans(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	old := time.Now().Add(-60 * 24 * time.Hour)
	for _, name := range []string{"tmp/old", "tmp/new", "partial/old", "partial/old.lock", "partial/new"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.WriteFile(path, []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(name, "old") {
			os.Chtimes(path, old, old)
		}
	}
	open(t, dir)
	if got := strings.Join(files(t, dir), " "); got != "format partial/new tmp/new" {
		t.Errorf("left: %s", got)
	}
}

// TestManyBlobs reads more blobs at once than a process may have files.
func TestManyBlobs(t *testing.T) {
	if child := os.Getenv("STORE_TEST_DIR"); child != "" {
		s := open(t, child)
		var wg sync.WaitGroup
		var blobs []*store.Blob
		for i := range 200 {
			content := []byte(fmt.Sprint("blob ", i))
			if err := s.Put(t.Context(), bytes.NewReader(content), sum(content), -1); err != nil {
				t.Fatal(err)
			}
			b, err := s.Blob(sum(content))
			if err != nil {
				t.Fatal(err)
			}
			blobs = append(blobs, b)
		}
		for range 8 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for i, b := range blobs {
					p := make([]byte, b.Size())
					if _, err := b.ReadAt(p, 0); err != nil && err != io.EOF || string(p) != fmt.Sprint("blob ", i) {
						t.Errorf("blob %d: %q %v", i, p, err)
						return
					}
				}
			}()
		}
		wg.Wait()
		return
	}
	cmd := exec.Command(testenv.Tool(t, "sh"), "-c", `ulimit -n 64 && exec "$0" -test.run '^TestManyBlobs$'`, os.Args[0])
	cmd.Env = append(os.Environ(), "STORE_TEST_DIR="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestKill kills a process again and again while it writes blobs, memos and partial downloads. What is
// visible afterwards must be whole, and the store must go on working.
func TestKill(t *testing.T) {
	if child := os.Getenv("STORE_TEST_DIR"); child != "" {
		s := open(t, child)
		for i := range 20_000 {
			content := bytes.Repeat([]byte(fmt.Sprintf("%08d", i%50)), 50_000)
			id := sum(content)
			if err := s.Remove(id); err != nil {
				t.Fatal(err)
			}
			if i%2 == 0 {
				if err := s.Put(t.Context(), bytes.NewReader(content), id, -1); err != nil {
					t.Fatal(err)
				}
			} else if p, err := s.Partial(t.Context(), id); err == nil {
				p.Write(content[p.Offset():])
				if err := p.Commit(-1); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.PutMemo("m", fmt.Sprint(i%10), content); err != nil {
				t.Fatal(err)
			}
		}
	}
	dir := t.TempDir()
	blobs := 0
	for round := range 12 {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestKill$")
		cmd.Env = append(os.Environ(), "STORE_TEST_DIR="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(60+round*17) * time.Millisecond)
		cmd.Process.Kill()
		cmd.Wait()
		s := open(t, dir)
		for _, f := range files(t, filepath.Join(dir, "blobs", "sha256")) {
			blobs++
			if err := s.Verify(f[3:]); err != nil {
				t.Fatal(err)
			}
		}
		for k := range 10 {
			if data, ok := s.Memo("m", fmt.Sprint(k)); ok && len(data) != 400_000 {
				t.Fatalf("half a memo: %d bytes", len(data))
			}
		}
	}
	if blobs == 0 {
		t.Error("the children wrote nothing")
	}
}

// TestTwoProcesses has several processes download the same blob: one does, the others wait and find it.
func TestTwoProcesses(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 10_000)
	id := sum(content)
	if child := os.Getenv("STORE_TEST_DIR"); child != "" {
		p, err := open(t, child).Partial(t.Context(), id)
		if errors.Is(err, store.ErrExists) {
			fmt.Println("found")
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		for p.Offset() < int64(len(content)) {
			if _, err := p.Write(content[p.Offset() : p.Offset()+16_000]); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if err := p.Commit(int64(len(content))); err != nil {
			t.Fatal(err)
		}
		fmt.Println("wrote")
		return
	}
	dir := t.TempDir()
	s := open(t, dir)
	// What an earlier process left is continued.
	p, err := s.Partial(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	p.Write(content[:32_000])
	p.Close()

	var cmds []*exec.Cmd
	var outs [3]bytes.Buffer
	for i := range outs {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestTwoProcesses$")
		cmd.Env = append(os.Environ(), "STORE_TEST_DIR="+dir)
		cmd.Stdout, cmd.Stderr = &outs[i], &outs[i]
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, cmd)
	}
	wrote := 0
	for i, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, outs[i].String())
		}
		if strings.Contains(outs[i].String(), "wrote") {
			wrote++
		} else if !strings.Contains(outs[i].String(), "found") {
			t.Errorf("neither wrote nor found: %s", outs[i].String())
		}
	}
	if wrote != 1 || s.Verify(id) != nil {
		t.Errorf("%d processes wrote; %v", wrote, s.Verify(id))
	}
	if got := files(t, filepath.Join(dir, "partial")); len(got) != 0 {
		t.Errorf("left: %q", got)
	}
}

func TestPartialWait(t *testing.T) {
	s := open(t, t.TempDir())
	id := sum([]byte("content"))
	p, err := s.Partial(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := s.Partial(ctx, id); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("did not wait: %v", err)
	}
	found := make(chan error)
	go func() {
		_, err := s.Partial(context.Background(), id)
		found <- err
	}()
	p.Write([]byte("c0ntent"))
	var m *store.MismatchError
	if err := p.Commit(-1); !errors.As(err, &m) || m.Got != sum([]byte("c0ntent")) {
		t.Error(err)
	}
	if err := p.Reset(); err != nil || p.Offset() != 0 {
		t.Error(err)
	}
	p.Write([]byte("content"))
	if err := p.Commit(7); err != nil {
		t.Error(err)
	}
	if err := <-found; !errors.Is(err, store.ErrExists) {
		t.Error(err)
	}
}

func TestConcurrentPuts(t *testing.T) {
	s := open(t, t.TempDir())
	content := bytes.Repeat([]byte("x"), 1<<20)
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(2)
		go func() {
			defer wg.Done()
			if err := s.Put(t.Context(), bytes.NewReader(content), sum(content), -1); err != nil {
				t.Error(err)
			}
		}()
		go func() {
			defer wg.Done()
			s.PutMemo("m", "k", content)
			if data, ok := s.Memo("m", "k"); !ok || len(data) != len(content) {
				t.Error("a memo that was just put is not there")
			}
		}()
	}
	wg.Wait()
	if err := s.Verify(sum(content)); err != nil {
		t.Error(err)
	}
}
