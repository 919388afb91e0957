package index

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"
)

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
