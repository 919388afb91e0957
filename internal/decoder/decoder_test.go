package decoder_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/decoder"
)

// frame is a Zstandard frame that says hello, with a window of 2 to the power of bits bytes.
func frame(bits int) []byte {
	return append([]byte{0x28, 0xb5, 0x2f, 0xfd, 0, byte(bits-10) << 3, 1 | 5<<3, 0, 0}, "hello"...)
}

// What `printf hello | xz` gives, and with --lzma2=dict=16MiB.
const (
	usualXZ = "/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAEaGVsbG8AAAAAsTe52+XaHpsAAR0FuC2Arx+2830BAAAAAARZWg=="
	largeXZ = "/Td6WFoAAATm1rRGAgAhARgAAABHWDpDAQAEaGVsbG8AAAAAsTe52+XaHpsAAR0FuC2Arx+2830BAAAAAARZWg=="
)

func unbase64(t *testing.T, text string) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func zstd(data []byte) (io.ReadCloser, error) {
	return decoder.Zstd(bufio.NewReader(bytes.NewReader(data)))
}

func xz(data []byte) (io.ReadCloser, error) {
	return decoder.XZ(bufio.NewReader(bytes.NewReader(data)))
}

// TestTurns: of streams with large windows no more than four are open at once, and others do not wait for these.
func TestTurns(t *testing.T) {
	var open []io.ReadCloser
	for i := range 4 {
		of, data := zstd, frame(27)
		if i%2 == 1 {
			of, data = xz, unbase64(t, largeXZ)
		}
		r, err := of(data)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(r); string(text) != "hello" || err != nil {
			t.Fatalf("%q, %v", text, err)
		}
		open = append(open, r)
	}
	for _, usual := range []func() (io.ReadCloser, error){
		func() (io.ReadCloser, error) { return zstd(frame(23)) },
		func() (io.ReadCloser, error) { return xz(unbase64(t, usualXZ)) },
	} {
		r, err := usual()
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(r); string(text) != "hello" || err != nil {
			t.Errorf("%q, %v", text, err)
		}
		r.Close()
	}
	for _, large := range []func() (io.ReadCloser, error){
		func() (io.ReadCloser, error) { return zstd(frame(24)) },
		func() (io.ReadCloser, error) { return xz(unbase64(t, largeXZ)) },
		func() (io.ReadCloser, error) { // what follows a frame that is to be skipped is not known
			return zstd(append([]byte{0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 0}, frame(26)...))
		},
	} {
		done := make(chan io.ReadCloser)
		go func() {
			r, err := large()
			if err != nil {
				t.Error(err)
			}
			done <- r
		}()
		select {
		case <-done:
			t.Fatal("a fifth is open")
		case <-time.After(20 * time.Millisecond):
		}
		open[0].Close()
		open[0].Close() // which ends no other's turn
		open = append(open[1:], <-done)
	}
	for _, r := range open {
		r.Close()
	}
}

// TestWindows: no frame gets more than its stream may have.
func TestWindows(t *testing.T) {
	for name, data := range map[string][]byte{
		"a window of 256 MiB":         frame(28),
		"a larger one behind a small": append(frame(20), frame(24)...),
	} {
		r, err := zstd(data)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(r); err == nil {
			t.Errorf("%s: %q", name, text)
		}
		r.Close()
	}
	r, err := zstd(append(frame(27), frame(25)...))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if text, err := io.ReadAll(r); string(text) != "hellohello" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}

func FuzzXZ(f *testing.F) {
	for _, text := range []string{usualXZ, largeXZ} {
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := xz(data)
		if err != nil {
			return
		}
		defer r.Close()
		_, _ = io.Copy(io.Discard, io.LimitReader(r, 1<<20))
	})
}
