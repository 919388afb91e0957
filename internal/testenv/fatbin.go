package testenv

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// FatBinary is a container of device code as nvcc makes one for each file that it compiles. Its code is nothing that
// could run: the headers are what is read.
type FatBinary []FatCode

// FatCode is an entry of a [FatBinary].
type FatCode struct {
	Code    string // as nvcc names it: "sm_90a", "compute_120", "lto_90"
	PTX     [2]int // version of the instruction set of PTX: major, minor
	Options string // of the compiler, which make the header longer
	Payload []byte // padded with zeros
	// Joined are entries that are compressed as one; of them only the headers are written, and nothing but this and
	// Payload counts.
	Joined FatBinary
}

// FatBinaries are containers of a text: their codes joined with ",", the containers with ";", as "sm_75,compute_90@8.0;sm_90a".
func FatBinaries(text string) []FatBinary {
	var all []FatBinary
	for part := range strings.SplitSeq(text, ";") {
		var f FatBinary
		for name := range strings.SplitSeq(part, ",") {
			c := FatCode{Payload: make([]byte, 200)}
			var version string
			if c.Code, version, _ = strings.Cut(name, "@"); version != "" {
				if _, err := fmt.Sscanf(version, "%d.%d", &c.PTX[0], &c.PTX[1]); err != nil {
					panic("testenv: no version of PTX is " + version)
				}
			}
			f = append(f, c)
		}
		all = append(all, f)
	}
	return all
}

// FatBinarySections are a library's sections of device code.
func FatBinarySections(name string, all ...FatBinary) []ELFSection {
	var data []byte
	for _, f := range all {
		data = append(data, f.Bytes()...)
	}
	return []ELFSection{{Name: name, Data: data}}
}

// Bytes is the container.
func (f FatBinary) Bytes() []byte {
	var body []byte
	for _, e := range f {
		header := e.header()
		if e.Joined != nil {
			binary.LittleEndian.PutUint16(header, 256)
			var table []byte
			for _, j := range e.Joined {
				h := j.header()
				binary.LittleEndian.PutUint64(h[8:], uint64(len(j.Payload)))
				table = append(table, h...)
			}
			header = binary.LittleEndian.AppendUint32(header[:64], uint32(len(e.Joined)))
			header = binary.LittleEndian.AppendUint32(header, uint32(8+len(table)))
			header = append(header, table...)
			binary.LittleEndian.PutUint32(header[20:], 64)
		}
		payload := padded(e.Payload)
		binary.LittleEndian.PutUint32(header[4:], uint32(len(header)))
		binary.LittleEndian.PutUint64(header[8:], uint64(len(payload)))
		body = append(append(body, header...), payload...)
	}
	out := binary.LittleEndian.AppendUint32(nil, 0xBA55ED50)
	out = binary.LittleEndian.AppendUint16(out, 1)
	out = binary.LittleEndian.AppendUint16(out, 16)
	out = binary.LittleEndian.AppendUint64(out, uint64(len(body)))
	return append(out, body...)
}

func padded(b []byte) []byte { return append(b[:len(b):len(b)], make([]byte, -len(b)&7)...) }

func (e FatCode) header() []byte {
	h := make([]byte, 64)
	if e.Options != "" {
		h[20] = 64
		h = binary.LittleEndian.AppendUint32(h, 72)
		h = binary.LittleEndian.AppendUint32(h, uint32(len(e.Options)))
		h = append(h, padded(append([]byte(e.Options), 0))...)
	}
	flags := uint64(0x8011)
	name := strings.TrimSuffix(e.Code, "a")
	if name != e.Code {
		flags |= 0x100000
	}
	if rest := strings.TrimSuffix(name, "f"); rest != name {
		name, flags = rest, flags|0x200000
	}
	kinds := map[string]uint16{"compute": 1, "sm": 2, "lto": 8}
	prefix, digits, _ := strings.Cut(name, "_")
	var arch uint32
	if _, err := fmt.Sscan(digits, &arch); e.Joined == nil && (err != nil || kinds[prefix] == 0) {
		panic("testenv: no code is named " + e.Code)
	}
	binary.LittleEndian.PutUint16(h, kinds[prefix])
	binary.LittleEndian.PutUint16(h[2:], 0x101)
	binary.LittleEndian.PutUint16(h[24:], uint16(e.PTX[1]))
	binary.LittleEndian.PutUint16(h[26:], uint16(e.PTX[0]))
	binary.LittleEndian.PutUint32(h[28:], arch)
	binary.LittleEndian.PutUint64(h[40:], flags)
	return h
}
