package wheelfile_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/internal/wheelfile"
)

// TestContent reads parts of members, small ones and ones that are not read at once, deflated and stored.
func TestContent(t *testing.T) {
	noise := make([]byte, 3<<20) // does not compress
	for i, seed := 0, uint32(1); i < len(noise); i++ {
		seed = seed*1664525 + 1013904223
		noise[i] = byte(seed >> 24)
	}
	for _, stored := range []bool{false, true} {
		name, data := testenv.Wheel("a", "1", testenv.WheelOptions{Stored: stored, Files: map[string]string{
			"a/small": "some content", "a/large": string(noise),
		}})
		d, err := wheelfile.ReadDirectory(name, bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		for member, want := range map[string][]byte{"a/small": []byte("some content"), "a/large": noise} {
			e, _ := d.Find(member)
			c, err := d.Content(e)
			if err != nil {
				t.Fatal(err)
			}
			for _, off := range []int{len(want) - 5, 2, len(want) / 2} {
				b := make([]byte, 5)
				if n, err := c.ReadAt(b, int64(off)); n != 5 || err != nil && err != io.EOF || !bytes.Equal(b, want[off:off+5]) {
					t.Errorf("%s, stored %v, at %d: %q, %v", member, stored, off, b[:n], err)
				}
			}
			var got []byte
			if err := c.Walk(1, e.Size, func(p []byte) error { got = append(got, p...); return nil }); err != nil || !bytes.Equal(got, want[1:]) {
				t.Errorf("%s, stored %v: %d bytes, %v", member, stored, len(got), err)
			}
			full := errors.New("full")
			var broken *wheelfile.Error
			if err := c.Walk(0, 3, func([]byte) error { return full }); !errors.Is(err, full) || !errors.As(err, &broken) || broken.Member != member {
				t.Errorf("%s, stored %v: %v", member, stored, err)
			}
			c.Close()
			ctx, cancel := context.WithCancel(context.Background())
			within := d.Within(ctx)
			c, err = within.Content(e)
			if err != nil {
				t.Fatal(err)
			}
			cancel()
			_, err = c.ReadAt(make([]byte, 5), e.Size-5)
			if small := member == "a/small"; small != (err == nil) || !small && !errors.Is(err, context.Canceled) {
				t.Errorf("%s, stored %v, cancelled: %v", member, stored, err)
			}
			c.Close()
			if _, err := within.Content(e); !errors.Is(err, context.Canceled) || !errors.As(err, &broken) {
				t.Errorf("%s, stored %v, cancelled before: %v", member, stored, err)
			}
		}
	}
}
