package store_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/envpack/envpack/internal/store"
)

// TestCheck has blobs of all sizes, more than are hashed at once, of which some are changed, cut off and lengthened.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	random := rand.NewChaCha8([32]byte{1})
	var all, sound, damaged []string
	for i, size := range []int{0, 1, 63, 64, 65, 4096, 256<<10 - 1, 256 << 10, 256<<10 + 1, 3 << 20, 700_000, 100, 200, 300_000, 5} {
		content := make([]byte, size)
		random.Read(content)
		id := sum(content)
		if err := open(t, dir).Put(t.Context(), bytes.NewReader(content), id, -1); err != nil {
			t.Fatal(err)
		}
		all = append(all, id)
		if i%4 != 3 {
			sound = append(sound, id)
			continue
		}
		damaged = append(damaged, id)
		switch i {
		case 3:
			content = content[:size-1]
		case 7:
			content = append(content, 0)
		default:
			content[size-1] ^= 1
		}
		if err := os.WriteFile(blobFile(dir, id), content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, jobs := range []int{1, 2, 3, 100} {
		s := open(t, dir)
		if err := s.Check(t.Context(), jobs, append(sound, sound...)...); err != nil {
			t.Errorf("%d jobs: %v", jobs, err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := open(t, dir).Check(ended, jobs, sound...); !errors.Is(err, context.Canceled) {
			t.Errorf("%d jobs, cancelled: %v", jobs, err)
		}
	}

	s := open(t, dir)
	var damage *store.DamageError
	if err := s.Check(t.Context(), 2, append(all, all...)...); !errors.As(err, &damage) {
		t.Errorf("damaged: %v", err)
	}
	for _, id := range damaged {
		if s.Has(id) {
			t.Errorf("%s is still there", id)
		}
	}
	if err := s.Check(t.Context(), 2, all...); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("missing: %v", err)
	}

	// What is checked is not read again; by another Store it is.
	if err := os.WriteFile(blobFile(dir, sound[5]), []byte("other"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context(), 2, sound...); err != nil {
		t.Errorf("checked before: %v", err)
	}
	if err := open(t, dir).Check(t.Context(), 2, sound...); !errors.As(err, &damage) || damage.SHA256 != sound[5] {
		t.Errorf("by another store: %v", err)
	}
}

func blobFile(dir, id string) string { return filepath.Join(dir, "blobs", "sha256", id[:2], id) }
