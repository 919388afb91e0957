package deflate

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// verdict is what decoding came to, in zlib's words.
func verdict(err error) string {
	var corrupt *CorruptError
	var trailing *TrailingError
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrTruncated):
		return "truncated"
	case errors.As(err, &trailing):
		return "trailing"
	case errors.As(err, &corrupt):
		return corrupt.Why
	}
	return err.Error()
}

// TestDecodeAsZlibDoesNow asks zlib itself about streams that were damaged at random: it must take and refuse the same, and
// for the same reason.
func TestDecodeAsZlibDoesNow(t *testing.T) {
	if os.Getenv("ENVPACK_TEST") != "all" { // testenv imports this package
		t.Skip("needs python3; ENVPACK_TEST=all runs it")
	}
	cmd := exec.Command("python3", "testdata/verdict.py")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	out := bufio.NewReader(pipe)
	version, err := out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	ask := func(raw []byte) string {
		t.Helper()
		if _, err := in.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(len(raw))), raw...)); err != nil {
			t.Fatal(err)
		}
		line, err := out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSuffix(line, "\n")
	}

	const streams = 10_000
	d := new(Decoder)
	seen := map[string]int{}
	for i := range uint64(streams) {
		r := rand.New(rand.NewPCG(i, 0))
		raw := damaged(r, stdDeflate(t, sample(i, 1+r.IntN(3000)), r.IntN(12)-2))
		want := ask(raw)
		_, s, err := decode(t, d, raw, math.MaxInt64)
		got := verdict(err)
		seen[got]++
		if !strings.HasPrefix(want, got+"\t") {
			t.Fatalf("stream %d, %x: %q, zlib says %q", i, raw, got, want)
		}
		if got == "ok" && want != fmt.Sprintf("ok\t%d\t%d", s.Size, s.CRC32) {
			t.Fatalf("stream %d, %x: %+v, zlib says %q", i, raw, s, want)
		}
		if _, _, inMemory := decodeBytes(d, raw); verdict(inMemory) != got {
			t.Fatalf("stream %d, %x: %q, and %q in memory", i, raw, got, verdict(inMemory))
		}
	}
	if len(seen) < 12 || seen["ok"] < streams/100 {
		t.Errorf("the streams are not varied enough: %v", seen)
	}
	t.Logf("zlib %s: %v", strings.TrimSpace(version), seen)
}

func decodeBytes(d *Decoder, raw []byte) (int64, Stream, error) {
	var n int64
	s, err := d.DecodeBytes(raw, math.MaxInt64, func(p []byte) error { n += int64(len(p)); return nil })
	return n, s, err
}

// damaged changes a stream in one of several ways, most of them near its beginning, where the codes are described.
func damaged(r *rand.Rand, raw []byte) []byte {
	near := func() int { return min(r.IntN(len(raw)), r.IntN(len(raw)), r.IntN(len(raw))) }
	for range 1 + r.IntN(3) {
		switch r.IntN(8) {
		case 0:
			return raw
		case 1:
			return raw[:r.IntN(len(raw)+1)]
		case 2:
			return append(raw, byte(r.Uint32()))
		case 3:
			raw[near()] = byte(r.Uint32())
		case 4:
			at := near()
			copy(raw[at:], raw[near():])
		case 5:
			for i := range min(len(raw), 1+r.IntN(12)) { // another description of codes
				raw[i] = byte(r.Uint32())
			}
		default:
			raw[near()] ^= 1 << r.IntN(8)
		}
	}
	return raw
}
