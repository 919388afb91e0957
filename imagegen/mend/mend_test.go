package mend

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand"
	"testing"
)

func noise(n int) []byte {
	data := make([]byte, n)
	rand.New(rand.NewSource(int64(n))).Read(data)
	return data
}

// TestFind changes bytes by bits and otherwise, at the ends, at the edges of blocks, and between.
func TestFind(t *testing.T) {
	for _, size := range []int{1, 2, 55, 56, 63, 64, 65, 127, 128, 700} {
		data := noise(size)
		want := fmt.Sprintf("%x", sha256.Sum256(data))
		for _, at := range []int{0, size / 2, size - 1, 63, 64} {
			if at >= size {
				continue
			}
			for _, mask := range []byte{1, 128, 255, 6} {
				bad := bytes.Clone(data)
				bad[at] ^= mask
				found, was, ok := Find(context.Background(), bad, want)
				if !ok || found != (Byte{at, bad[at], data[at]}) || !bytes.Equal(was, data) {
					t.Fatalf("%d bytes, %d changed by %#x: %+v, %t", size, at, mask, found, ok)
				}
			}
		}
	}
}

func TestFindNothing(t *testing.T) {
	data := noise(300)
	want := fmt.Sprintf("%x", sha256.Sum256(data))
	if _, _, ok := Find(context.Background(), data, want); ok {
		t.Error("what is right was mended")
	}
	two := bytes.Clone(data)
	two[3] ^= 1
	two[200] ^= 1
	if _, _, ok := Find(context.Background(), two, want); ok {
		t.Error("two changes were taken for one")
	}
	if _, _, ok := Find(context.Background(), data[:299], want); ok {
		t.Error("a missing byte was taken for a change")
	}
	if _, _, ok := Find(context.Background(), data, "none"); ok {
		t.Error("a digest that is none was met")
	}
	if _, _, ok := Find(context.Background(), nil, want); ok {
		t.Error("nothing was mended")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	two[200] ^= 1
	if _, _, ok := Find(ctx, two, want); ok {
		t.Error("a search that was called off found something")
	}
	if _, _, ok := Find(context.Background(), make([]byte, 10<<20), want); ok {
		t.Error("a search without end ended")
	}
}
