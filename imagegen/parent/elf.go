package parent

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// elfHead is what a binary's first bytes say: its machine, and which dynamic loader runs it.
type elfHead struct {
	Machine     uint16 `json:"machine"`               // e_machine
	Interpreter string `json:"interpreter,omitempty"` // "" of a library, of a static program, or where it is out of reach
}

const (
	elfHeadSize = 64 << 10 // linkers put the program header and the interpreter's name into the first page
	ptInterp    = 3
)

// machines are the ELF machines of OCI's architectures (Go's GOARCH).
var machines = map[string]uint16{
	"386": 3, "ppc64le": 21, "s390x": 22, "arm": 40, "amd64": 62, "arm64": 183, "riscv64": 243, "loong64": 258,
}

// parseELF reads the head of an ELF file (System V ABI, ELF header and program header); nil: it is none.
func parseELF(b []byte) *elfHead {
	if len(b) < 52 || !bytes.HasPrefix(b, []byte("\x7fELF")) {
		return nil
	}
	var order binary.ByteOrder = binary.LittleEndian
	if b[5] == 2 {
		order = binary.BigEndian
	}
	h := &elfHead{Machine: order.Uint16(b[18:])}
	wide := b[4] == 2
	var offset uint64
	var size, count int
	if wide {
		if len(b) < 64 {
			return nil
		}
		offset, size, count = order.Uint64(b[32:]), int(order.Uint16(b[54:])), int(order.Uint16(b[56:]))
	} else {
		offset, size, count = uint64(order.Uint32(b[28:])), int(order.Uint16(b[42:])), int(order.Uint16(b[44:]))
	}
	if wide && size < 56 || size < 32 {
		return h
	}
	for range count {
		if offset > uint64(len(b)) || uint64(len(b))-offset < uint64(size) {
			return h
		}
		p := b[offset:]
		offset += uint64(size)
		if order.Uint32(p) != ptInterp {
			continue
		}
		var at, length uint64
		if wide {
			at, length = order.Uint64(p[8:]), order.Uint64(p[32:])
		} else {
			at, length = uint64(order.Uint32(p[4:])), uint64(order.Uint32(p[16:]))
		}
		if at > uint64(len(b)) || uint64(len(b))-at < length {
			return h
		}
		name, _, _ := bytes.Cut(b[at:at+length], []byte{0})
		if utf8.Valid(name) {
			h.Interpreter = string(name)
		}
		return h
	}
	return h
}
