package inventory_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/inventory"
	"github.com/envpack/envpack/internal/store"
)

// readers read notes that say line by line what they need: "blob HASH", "memo NAME", "keeps".
var readers = map[string]inventory.Reader{"note": read, "about": read}

func read(data []byte) (n inventory.Needs, err error) {
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch key {
		case "blob":
			n.Blobs = append(n.Blobs, value)
		case "present":
			n.Present = append(n.Present, value)
		case "memo":
			n.Memos = append(n.Memos, value)
		case "keeps":
			n.Keeps = true
		default:
			return n, fmt.Errorf("%q", line)
		}
	}
	return n, nil
}

type world struct {
	t  *testing.T
	st *store.Store
}

func newWorld(t *testing.T) world {
	t.Helper()
	st, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return world{t, st}
}

var now = time.Now()

func (w world) age(name string, days int) {
	w.t.Helper()
	at := now.Add(-time.Duration(days) * 24 * time.Hour)
	if err := os.Chtimes(filepath.Join(w.st.Dir(), filepath.FromSlash(name)), at, at); err != nil {
		w.t.Fatal(err)
	}
}

// blob is one that was used so many days ago.
func (w world) blob(content string, days int) string {
	w.t.Helper()
	sum := sha256.Sum256([]byte(content))
	id := hex.EncodeToString(sum[:])
	if err := w.st.Put(w.t.Context(), strings.NewReader(content), id, -1); err != nil {
		w.t.Fatal(err)
	}
	w.age("blobs/sha256/"+id[:2]+"/"+id, days)
	return id
}

func (w world) note(kind, key string, days int, lines ...string) string {
	w.t.Helper()
	if err := w.st.PutMemo(kind, key, []byte(strings.Join(lines, "\n"))); err != nil {
		w.t.Fatal(err)
	}
	name := store.MemoName(kind, key)
	w.age(name, days)
	return name
}

func (w world) take() *inventory.Inventory {
	w.t.Helper()
	v, err := inventory.Take(w.t.Context(), w.st, readers)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func names(items []*inventory.Item) map[string]bool {
	all := map[string]bool{}
	for _, i := range items {
		all[i.Name] = true
	}
	return all
}

func TestChoose(t *testing.T) {
	w := newWorld(t)
	wheel, deb, layer := w.blob("a wheel", 90), w.blob("a package", 90), w.blob("a layer", 90)
	recipe := w.note("note", "recipe", 90, "keeps", "blob "+wheel)
	fresh := w.note("note", "fresh layer", 3, "keeps", "memo "+recipe)
	old := w.note("note", "old layer", 60, "keeps", "blob "+layer)
	about := w.note("about", "deb", 90, "blob "+deb)
	other := w.note("other", "page", 10, "anything")
	gone := w.note("note", "gone", 1, "keeps", "blob "+strings.Repeat("0", 64))
	behind := w.note("note", "behind", 1, "keeps", "memo "+gone)
	unreadable := w.note("note", "unreadable", 1, "nonsense")
	if err := w.st.NameBlob(wheel, "https/a-1.whl"); err != nil {
		t.Fatal(err)
	}
	w.age(store.MemoName(store.NameMemo, wheel), 400)
	path := func(sum string) string { return "blobs/sha256/" + sum[:2] + "/" + sum }
	day := 24 * time.Hour
	ago := func(days int) time.Time { return now.Add(-time.Duration(days) * day) }
	if i := w.take().Blob(wheel); i.Label != "a-1.whl" || i.Needed != 1 || i.Used.Before(ago(4)) {
		t.Errorf("%+v", i)
	}
	for _, tt := range []struct {
		name   string
		policy inventory.Policy
		pin    []string
		want   []string // beside what is of no use
	}{
		{"nothing", inventory.Policy{Bytes: -1}, nil, nil},
		{"30 days", inventory.Policy{Unused: ago(30), Bytes: -1}, nil, []string{path(deb), about, path(layer), old}},
		{"30 days, pinned", inventory.Policy{Unused: ago(30), Bytes: -1}, []string{deb}, []string{path(layer), old}},
		{"80 days", inventory.Policy{Unused: ago(80), Bytes: -1}, nil, []string{path(deb), about}},
		{"2 days", inventory.Policy{Unused: ago(2), Bytes: -1}, nil, []string{
			path(deb), about, path(layer), old, path(wheel), recipe, fresh, other, store.MemoName(store.NameMemo, wheel),
		}},
		{"unreferenced", inventory.Policy{Bytes: -1, Unreferenced: true}, nil, []string{path(deb), about}},
		{"unreferenced since long", inventory.Policy{Unused: ago(100), Bytes: -1, Unreferenced: true}, nil, nil},
		{"everything", inventory.Policy{Bytes: 0}, nil, []string{
			path(deb), about, path(layer), old, path(wheel), recipe, fresh, other, store.MemoName(store.NameMemo, wheel),
		}},
		{"everything but", inventory.Policy{Bytes: 0}, []string{wheel, layer}, []string{path(deb), about, old, recipe, fresh, other}},
	} {
		v := w.take()
		v.Pin("a lock", tt.pin, nil)
		got := names(v.Choose(tt.policy, false).Go)
		want := map[string]bool{gone: true, behind: true, unreadable: true}
		for _, name := range tt.want {
			want[name] = true
		}
		if tt.name == "everything but" {
			delete(got, store.MemoName(store.NameMemo, wheel)) // a name alone is not worth pinning
		}
		for name := range want {
			if !got[name] {
				t.Errorf("%s: %s stays", tt.name, name)
			}
		}
		for name := range got {
			if !want[name] {
				t.Errorf("%s: %s goes", tt.name, name)
			}
		}
	}
}

// TestPresent: what a note needs where it is there stays with it, and the note is worth something where it is not.
func TestPresent(t *testing.T) {
	w := newWorld(t)
	there := w.blob("a layer below", 90)
	note := w.note("note", "image", 50, "keeps", "present "+there, "present "+strings.Repeat("0", 64))
	for _, tt := range []struct {
		policy inventory.Policy
		want   int
	}{
		{inventory.Policy{Bytes: -1, Unreferenced: true}, 0},
		{inventory.Policy{Unused: now.Add(-60 * 24 * time.Hour), Bytes: -1}, 0},
		{inventory.Policy{Unused: now.Add(-40 * 24 * time.Hour), Bytes: -1}, 2},
	} {
		if got := names(w.take().Choose(tt.policy, false).Go); len(got) != tt.want {
			t.Errorf("%+v: %v goes", tt.policy, got)
		}
	}
	v := w.take()
	v.Pin("a lock", nil, []string{note})
	if got := names(v.Choose(inventory.Policy{Bytes: 0}, false).Go); len(got) != 0 {
		t.Errorf("pinned, and %v goes", got)
	}
}

// TestChooseRandom: whatever the notes need and whenever they were used, nothing goes that a note needs which stays, and a size
// is kept to with no more than is needed.
func TestChooseRandom(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 7))
		w := newWorld(t)
		var blobs, notes []string
		for n := range 4 + r.IntN(6) {
			blobs = append(blobs, w.blob(strings.Repeat("x", 1+r.IntN(400))+fmt.Sprint(n), r.IntN(100)))
		}
		for n := range r.IntN(12) {
			var lines []string
			if r.IntN(3) > 0 {
				lines = append(lines, "keeps")
			}
			for range 1 + r.IntN(2) {
				lines = append(lines, "blob "+blobs[r.IntN(len(blobs))])
			}
			if len(notes) > 0 && r.IntN(2) == 0 {
				lines = append(lines, "memo "+notes[r.IntN(len(notes))])
			}
			notes = append(notes, w.note("note", fmt.Sprint(n), r.IntN(100), lines...))
		}
		v := w.take()
		var pinned []string
		if r.IntN(2) == 0 {
			pinned = blobs[:1]
		}
		v.Pin("a lock", pinned, nil)
		p := inventory.Policy{Bytes: -1, Unreferenced: r.IntN(4) == 0}
		if r.IntN(2) == 0 {
			p.Bytes = int64(r.IntN(4000))
		}
		if r.IntN(2) == 0 {
			p.Unused = now.Add(-time.Duration(r.IntN(100)) * 24 * time.Hour)
		}
		c := v.Choose(p, false)
		goes := names(c.Go)
		var sum int64
		for _, i := range c.Stay {
			sum += i.Size
			if i.Class != store.Memos {
				continue
			}
			data, _, err := w.st.ReadMemo(i.Entry)
			if err != nil {
				t.Fatal(err)
			}
			needs, _ := read(data)
			for _, b := range needs.Blobs {
				if goes["blobs/sha256/"+b[:2]+"/"+b] {
					t.Errorf("seed %d: %s goes, which %s needs", seed, b, i.Name)
				}
			}
			for _, m := range needs.Memos {
				if goes[m] {
					t.Errorf("seed %d: %s goes, which %s needs", seed, m, i.Name)
				}
			}
		}
		for _, i := range c.Go {
			if i.Pinned != "" || i.Class == store.Blobs && slices.Contains(pinned, i.SHA256) {
				t.Errorf("seed %d: %s goes, which is pinned", seed, i.Name)
			}
			keeps := i.Class == store.Blobs
			if i.Class == store.Memos {
				data, _, err := w.st.ReadMemo(i.Entry)
				if err != nil {
					t.Fatal(err)
				}
				needs, _ := read(data)
				keeps = needs.Keeps
			}
			if keeps && !p.Unused.IsZero() && p.Bytes < 0 && !i.Used.Before(p.Unused) {
				t.Errorf("seed %d: %s goes, which was used", seed, i.Name)
			}
		}
		if sum != c.Left || p.Bytes >= 0 && !p.Unreferenced && pinned == nil && c.Left > p.Bytes {
			t.Errorf("seed %d: %d bytes are left, %d by name, of %d", seed, c.Left, sum, p.Bytes)
		}
	}
}

func TestVerify(t *testing.T) {
	w := newWorld(t)
	id := w.blob("content", 1)
	note := w.note("other", "k", 1, "data")
	if _, err := w.st.PutParts("two", "k", []byte("head"), []byte("tail")); err != nil {
		t.Fatal(err)
	}
	checks := inventory.Checks{Read: func(int64) {}, Tail: func(kind string, head, tail []byte) bool {
		return kind != "two" || string(tail) == "tail"
	}}
	find := func() (found []string) {
		t.Helper()
		damage, err := w.take().Verify(t.Context(), w.st, checks)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range damage {
			found = append(found, d.Name)
		}
		return found
	}
	if found := find(); len(found) != 0 {
		t.Errorf("%q", found)
	}
	// Every bit that counts.
	for _, name := range []string{"blobs/sha256/" + id[:2] + "/" + id, note, store.MemoName("two", "k")} {
		path := filepath.Join(w.st.Dir(), filepath.FromSlash(name))
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for bit := range len(whole) * 8 {
			raw := bytes.Clone(whole)
			raw[bit/8] ^= 1 << (bit % 8)
			if err := os.WriteFile(path, raw, 0o666); err != nil {
				t.Fatal(err)
			}
			if found := find(); len(found) != 1 || found[0] != name {
				t.Fatalf("bit %d of %s: found %q", bit, name, found)
			}
		}
		if err := os.WriteFile(path, whole, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// TestStill: what was put right or removed between the finding and the removing is damaged no more.
func TestStill(t *testing.T) {
	w := newWorld(t)
	checks := inventory.Checks{Read: func(int64) {}, Tail: func(string, []byte, []byte) bool { return true }}
	var ids []string
	path := func(id string) string { return filepath.Join(w.st.Dir(), "blobs", "sha256", id[:2], id) }
	for _, content := range []string{"fetched anew", "removed", "stays damaged"} {
		id := w.blob(content, 1)
		if err := os.WriteFile(path(id), []byte("damage"), 0o666); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	note := w.note("other", "k", 1, "data")
	if err := os.WriteFile(filepath.Join(w.st.Dir(), filepath.FromSlash(note)), []byte("damage"), 0o666); err != nil {
		t.Fatal(err)
	}
	found, err := w.take().Verify(t.Context(), w.st, checks)
	if err != nil || len(found) != 4 {
		t.Fatalf("%v, %v", found, err)
	}
	if err := os.WriteFile(path(ids[0]), []byte("fetched anew"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path(ids[1])); err != nil {
		t.Fatal(err)
	}
	w.note("other", "k", 1, "data")
	still, err := inventory.Still(t.Context(), w.st, found, checks)
	if err != nil || len(still) != 1 || still[0].SHA256 != ids[2] {
		t.Errorf("%v, %v", still, err)
	}
}

// TestSetOfLayers: notes that are believed when an image is made do not come from elsewhere.
func TestSetOfLayers(t *testing.T) {
	for _, kind := range []string{"layer", "recipe", "settlement"} {
		w, to := newWorld(t), newWorld(t)
		w.note(kind, "base", 1, "another layer")
		entries, err := w.st.Entries(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var set bytes.Buffer
		if _, err := inventory.WriteSet(t.Context(), &set, w.st, entries, func(int64) {}); err != nil {
			t.Fatal(err)
		}
		if _, err := inventory.ReadSet(t.Context(), &set, to.st, func(int64) {}); diag.CodeOf(err) != diag.Mismatch || !strings.Contains(err.Error(), "a note of the kind "+kind) {
			t.Errorf("%s: %v", kind, err)
		}
		if entries, err := to.st.Entries(t.Context()); err != nil || len(entries) != 0 {
			t.Errorf("%s: the store has %v, %v", kind, entries, err)
		}
	}
}

func TestSet(t *testing.T) {
	w := newWorld(t)
	for n := range 5 {
		w.blob(strings.Repeat("content ", n*300), 1)
		w.note("other", fmt.Sprint(n), 1, strings.Repeat("data", n*200))
	}
	entries, err := w.st.Entries(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	export := func(entries []store.Entry) []byte {
		t.Helper()
		var b bytes.Buffer
		size, err := inventory.WriteSet(t.Context(), &b, w.st, entries, func(int64) {})
		if err != nil || size.Files != 10 {
			t.Fatalf("%+v %v", size, err)
		}
		return b.Bytes()
	}
	set := export(entries)
	slices.Reverse(entries)
	if !bytes.Equal(set, export(append(entries, entries...))) {
		t.Error("the order of what is exported changes the set")
	}
	to := newWorld(t)
	got, err := inventory.ReadSet(t.Context(), bytes.NewReader(set), to.st, func(int64) {})
	if err != nil || got.Added.Files != 10 || got.Present.Files != 0 {
		t.Fatalf("%+v %v", got, err)
	}
	if got, err = inventory.ReadSet(t.Context(), bytes.NewReader(set), to.st, func(int64) {}); err != nil || got.Present.Files != 10 {
		t.Errorf("%+v %v", got, err)
	}
	has := func(w world) map[string]bool {
		all, err := w.st.Entries(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{}
		for _, e := range all {
			names[e.Name] = true
		}
		return names
	}
	want := has(w)
	if got := has(to); len(got) != len(want) {
		t.Errorf("%v, want %v", got, want)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := inventory.ReadSet(ended, bytes.NewReader(set), newWorld(t).st, func(int64) {}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}

	// Cut off anywhere, or with a bit changed: nothing gets into the store that is not as it was, and it is an error unless the bit is of
	// what a tar has beside names, sizes and contents.
	r := rand.New(rand.NewPCG(1, 2))
	whole := newWorld(t)
	try := func(what string, raw []byte) error {
		got, err := inventory.ReadSet(t.Context(), bytes.NewReader(raw), whole.st, func(int64) {})
		if err != nil && diag.CodeOf(err) != diag.Mismatch {
			t.Errorf("%s: %v, code %d", what, err, diag.CodeOf(err))
		}
		if err == nil && got.Added.Files+got.Present.Files != 10 {
			t.Errorf("%s: %+v", what, got)
		}
		for name := range has(whole) {
			if !want[name] {
				t.Fatalf("%s: the store has %s", what, name)
			}
		}
		damage, verr := whole.take().Verify(t.Context(), whole.st, inventory.Checks{Read: func(int64) {}, Tail: func(string, []byte, []byte) bool { return true }})
		if verr != nil || len(damage) != 0 {
			t.Fatalf("%s: %v %v", what, damage, verr)
		}
		return err
	}
	for range 60 {
		n := r.IntN(len(set) - 1024) // behind are the two blocks that end a tar
		if err := try(fmt.Sprint("cut at ", n), set[:n]); err == nil {
			t.Errorf("cut at %d of %d: no error", n, len(set))
		}
	}
	refused := 0
	for range 200 {
		raw := bytes.Clone(set)
		whole = newWorld(t)
		bit := r.IntN(len(raw) * 8)
		raw[bit/8] ^= 1 << (bit % 8)
		if try(fmt.Sprint("bit ", bit), raw) != nil {
			refused++
		}
	}
	if refused < 100 {
		t.Errorf("%d of 200 were refused", refused)
	}
}
