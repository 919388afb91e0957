package lockfile

import "testing"

func BenchmarkEncode(b *testing.B) {
	l := generated(300)
	b.SetBytes(int64(len(Encode(l))))
	for range b.N {
		Encode(l)
	}
}

func BenchmarkParse(b *testing.B) {
	data := Encode(generated(300))
	b.SetBytes(int64(len(data)))
	for range b.N {
		if _, err := Parse(Name, data); err != nil {
			b.Fatal(err)
		}
	}
}
