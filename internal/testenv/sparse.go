package testenv

import (
	"archive/tar"
	"bytes"
	"fmt"
)

// SparseTar is a tar with one file of size bytes that begins with data and else is a hole, in GNU's PAX form 0.1: the map is in the
// extended header, and the data follow.
func SparseTar(name string, data []byte, size int64) []byte {
	records := ""
	for _, text := range []string{
		"GNU.sparse.major=0", "GNU.sparse.minor=1", "GNU.sparse.name=" + name, "GNU.sparse.numblocks=1", fmt.Sprintf("GNU.sparse.map=0,%d", len(data)),
		fmt.Sprintf("GNU.sparse.size=%d", size),
	} {
		n := len(text) + 2 // the space and the end of the line
		for n != len(text)+2+len(fmt.Sprint(n)) {
			n++
		}
		records += fmt.Sprintf("%d %s\n", n, text)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	_ = w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Typeflag: tar.TypeReg, Size: int64(len(data))}) // writes to memory do not fail
	_, _ = w.Write(data)
	_ = w.Close()
	head := bytes.Clone(b.Bytes()[:512])
	head[156] = tar.TypeXHeader
	copy(head[124:135], fmt.Sprintf("%011o", len(records)))
	copy(head[148:156], "        ") // the checksum's own field counts as spaces
	sum := 0
	for _, c := range head {
		sum += int(c)
	}
	copy(head[148:156], fmt.Sprintf("%06o\x00 ", sum))
	pax := append(head, records...)
	return append(append(pax, make([]byte, -len(records)&511)...), b.Bytes()...)
}
