package layer

import "io"

const (
	// maxStored is the most that one stored block holds (RFC 1951, 3.2.4).
	maxStored = 65535
	// blockHead is the size of a stored block's head that begins with a byte: its three bits and the rest of the byte, the length,
	// and the length's complement.
	blockHead = 5
)

// headOfBlock is the head of a stored block that is not the last.
func headOfBlock(length int) [blockHead]byte {
	return [blockHead]byte{0, byte(length), byte(length >> 8), ^byte(length), ^byte(length >> 8)}
}

// readBlocks is read for an op in stored blocks, none of which is the last of its stream: all but the last of the op are full.
func (o *op) readBlocks(b Blob, p []byte, at int64) error {
	for len(p) > 0 {
		block, within := at/(blockHead+maxStored), at%(blockHead+maxStored)
		length := min(o.n-block*maxStored, maxStored)
		var n int
		if within < blockHead {
			head := headOfBlock(int(length))
			n = copy(p, head[within:])
		} else {
			from := within - blockHead
			n = int(min(int64(len(p)), length-from))
			if err := readFull(b, p[:n], o.offset+block*maxStored+from); err != nil {
				return err
			}
		}
		p, at = p[n:], at+int64(n)
	}
	return nil
}

// readFull fills p from a place of the blob; an end before that is io.ErrUnexpectedEOF.
func readFull(b Blob, p []byte, at int64) error {
	n, err := b.ReadAt(p, at)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}
