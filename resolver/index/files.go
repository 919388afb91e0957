package index

import (
	"encoding/binary"
	"encoding/hex"
	"iter"
	"slices"
	"strings"
	"time"
)

// Files are the files of a project, in the index's order. A project can have tens of thousands of them, and of most
// nothing but the name is looked at: so they are kept packed, as the store keeps them, and taken out one by one.
type Files struct {
	prefix string   // with which most addresses begin
	text   string   // a record for each file
	at     []uint32 // where the records begin
}

// FilesOf packs a list.
func FilesOf(list ...File) Files {
	var p packer
	for i := range list {
		p.add(&list[i])
	}
	return p.files()
}

// packer packs files as they come, so that a page's need not be there unpacked.
type packer struct {
	prefix string
	text   strings.Builder
	at     []uint32
	record []byte // room for one
}

// usualRecord is how many bytes the record of a file has in most cases.
const usualRecord = 224

func (p *packer) add(f *File) {
	if len(p.at) == 0 {
		p.prefix = strings.Clone(commonPrefix(f.URL))
	}
	p.at = append(p.at, uint32(p.text.Len()))
	p.record = appendFile(p.record[:0], p.prefix, f)
	p.text.Write(p.record)
}

func (p *packer) files() Files { return Files{p.prefix, p.text.String(), p.at} }

// commonPrefix is of an address what others of the same page probably begin with: the host and the first folder.
func commonPrefix(url string) string {
	end := 0
	for range 4 {
		i := strings.IndexByte(url[end:], '/')
		if i < 0 {
			break
		}
		end += i + 1
	}
	return url[:end]
}

// Len is the number of files.
func (f Files) Len() int { return len(f.at) }

// Name is the file name of one.
func (f Files) Name(i int) string {
	d := &decoder{s: f.text[f.at[i]:]}
	d.uvarint()
	return d.string()
}

// At takes one out.
func (f Files) At(i int) File {
	d := &decoder{s: f.text[f.at[i]:]}
	return d.file(f.prefix)
}

// All goes through them.
func (f Files) All() iter.Seq2[int, File] {
	return func(yield func(int, File) bool) {
		for i := range f.at {
			if !yield(i, f.At(i)) {
				return
			}
		}
	}
}

// List unpacks them.
func (f Files) List() []File {
	list := make([]File, 0, f.Len())
	for _, file := range f.All() {
		list = append(list, file)
	}
	return slices.Clip(list)
}

// What a record has; what is empty is left out.
const (
	flagYanked = 1 << iota
	flagMetadata
	flagUploaded
	flagPrefix  // the address begins with the prefix, which is left out
	flagNamed   // and ends with the file's name, which is left out
	flagSHA256  // as 32 bytes
	flagText256 // as it is
	flagSum
	flagPython
	flagReason
	flagMetadataSHA256 // as 32 bytes
	flagMetadataText256
)

func appendFile(b []byte, prefix string, f *File) []byte {
	flags := uint64(0)
	set := func(flag uint64, is bool) bool {
		if is {
			flags |= flag
		}
		return is
	}
	url := f.URL
	if set(flagPrefix, prefix != "" && strings.HasPrefix(url, prefix)) {
		url = url[len(prefix):]
	}
	if set(flagNamed, f.Filename != "" && strings.HasSuffix(url, f.Filename)) {
		url = url[:len(url)-len(f.Filename)]
	}
	set(flagYanked, f.Yanked)
	set(flagMetadata, f.HasMetadata)
	uploaded := set(flagUploaded, !f.Uploaded.IsZero())
	sum, isSum := rawSHA256(f.SHA256)
	set(flagSHA256, isSum)
	sumText := set(flagText256, !isSum && f.SHA256 != "")
	other := set(flagSum, f.Sum != "")
	python := set(flagPython, f.RequiresPython != "")
	reason := set(flagReason, f.YankedReason != "")
	meta, isMeta := rawSHA256(f.MetadataSHA256)
	set(flagMetadataSHA256, isMeta)
	metaText := set(flagMetadataText256, !isMeta && f.MetadataSHA256 != "")

	b = binary.AppendUvarint(b, flags)
	b = appendString(b, f.Filename)
	b = appendString(b, url)
	b = binary.AppendVarint(b, f.Size)
	if uploaded {
		b = binary.AppendVarint(b, f.Uploaded.Unix())
		b = binary.AppendUvarint(b, uint64(f.Uploaded.Nanosecond()))
	}
	b = append(b, sum...)
	b = append(b, meta...)
	for _, s := range []struct {
		is   bool
		text string
	}{{sumText, f.SHA256}, {other, f.Sum}, {python, f.RequiresPython}, {reason, f.YankedReason}, {metaText, f.MetadataSHA256}} {
		if s.is {
			b = appendString(b, s.text)
		}
	}
	return b
}

// rawSHA256 are the bytes of a hash, if that is the form in which hashes are written here.
func rawSHA256(s string) ([]byte, bool) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != 32 || hex.EncodeToString(raw) != s {
		return nil, false
	}
	return raw, true
}

// file reads a record. It checks nothing but lengths.
func (d *decoder) file(prefix string) File {
	flags := d.uvarint()
	f := File{Filename: d.string(), Yanked: flags&flagYanked != 0, HasMetadata: flags&flagMetadata != 0}
	url := d.string()
	switch {
	case flags&flagPrefix != 0 && flags&flagNamed != 0:
		f.URL = prefix + url + f.Filename
	case flags&flagPrefix != 0:
		f.URL = prefix + url
	case flags&flagNamed != 0:
		f.URL = url + f.Filename
	default:
		f.URL = url
	}
	f.Size = d.varint()
	if flags&flagUploaded != 0 {
		f.Uploaded = time.Unix(d.varint(), int64(d.uvarint()%1e9)).UTC()
	}
	if flags&flagSHA256 != 0 {
		f.SHA256 = hex.EncodeToString([]byte(d.take(32)))
	}
	if flags&flagMetadataSHA256 != 0 {
		f.MetadataSHA256 = hex.EncodeToString([]byte(d.take(32)))
	}
	for _, s := range []struct {
		flag uint64
		text *string
	}{{flagText256, &f.SHA256}, {flagSum, &f.Sum}, {flagPython, &f.RequiresPython}, {flagReason, &f.YankedReason}, {flagMetadataText256, &f.MetadataSHA256}} {
		if flags&s.flag != 0 {
			*s.text = d.string()
		}
	}
	return f
}

// skipFile passes over a record.
func (d *decoder) skipFile() {
	flags := d.uvarint()
	d.string()
	d.string()
	d.varint()
	if flags&flagUploaded != 0 {
		d.varint()
		d.uvarint()
	}
	for _, flag := range []uint64{flagSHA256, flagMetadataSHA256} {
		if flags&flag != 0 {
			d.take(32)
		}
	}
	for _, flag := range []uint64{flagText256, flagSum, flagPython, flagReason, flagMetadataText256} {
		if flags&flag != 0 {
			d.string()
		}
	}
}
