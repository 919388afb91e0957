package pep440

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"strings"
)

// A key is a version's place in PEP 440's order as bytes that sort as the versions do:
//
//	epoch  release... 0  pre  post  dev  local...
//
//	number   0x01..0xdf for 0..222, 0xe0+n and n bytes (big endian) up to 18 decimal digits, else
//	         0xf0, the count of digits in two bytes, and the digits
//	release  its numbers without zeros at the end; the 0 behind them sorts below any number
//	pre      1 if there is only a dev part; 2, 3, 4 and a number for a, b, rc; 5 for none
//	post     1 for none; 2 and a number; 3 is no version but the place behind all post-releases
//	dev      1 and a number; 2 for none
//	local    per part: 1, letters and digits, 0 if it has a letter; 2 and a number otherwise
//
// No key is the beginning of another, but for one version's that of the same with a local label
// (or with a longer one). So a 0 behind a key is the place just behind that very version and
// before its (longer) local labels.
const (
	endRelease = 0x00

	preDevOnly = 0x01
	preAlpha   = 0x02
	preBeta    = 0x03
	preRC      = 0x04
	preNone    = 0x05

	postNone  = 0x01
	postSome  = 0x02
	postAfter = 0x03

	devSome = 0x01
	devNone = 0x02

	localText   = 0x01
	localNumber = 0x02
	endText     = 0x00

	justBehind = "\x00" // appended to a key

	numberSmall = 0xdf // the last lead byte that is a number in itself
	numberBytes = 0xe0
	numberLong  = 0xf0
	maxDigits   = 18 // of a number that is kept in binary
)

// AppendPacked appends a form of the version that [Unpack] reads without parsing. It changes with the form of keys, and
// is not for other programs or releases of this one.
func (v Version) AppendPacked(b []byte) []byte {
	b = append(b, byte(v.flags))
	b = binary.AppendUvarint(b, uint64(len(v.key)))
	b = append(b, v.key...)
	b = binary.AppendUvarint(b, uint64(len(v.text)))
	return append(b, v.text...)
}

// Unpack reads what AppendPacked wrote, and gives what follows. The version shares memory with s.
func Unpack(s string) (v Version, rest string, ok bool) {
	if s == "" {
		return Version{}, "", false
	}
	v.flags, s = flags(s[0]), s[1:]
	for _, part := range []*string{&v.key, &v.text} {
		n, i := uint64(0), 0
		for shift := 0; ; shift += 7 {
			if i == len(s) || shift > 14 { // no key or text is that long
				return Version{}, "", false
			}
			n |= uint64(s[i]&0x7f) << shift
			i++
			if s[i-1] < 0x80 {
				break
			}
		}
		if s = s[i:]; n > uint64(len(s)) {
			return Version{}, "", false
		}
		*part, s = s[:n], s[n:]
	}
	return v, s, true
}

func (f *fields) appendKey(b []byte) []byte {
	b = f.appendFamily(b)
	if f.post {
		b = appendNumber(append(b, postSome), f.postN)
	} else {
		b = append(b, postNone)
	}
	if f.dev {
		b = appendNumber(append(b, devSome), f.devN)
	} else {
		b = append(b, devNone)
	}
	for rest := f.local; rest != ""; {
		var part string
		part, rest = cutLocal(rest)
		if digits(part, 0) == len(part) {
			b = appendNumber(append(b, localNumber), part)
			continue
		}
		b = append(b, localText)
		for i := range len(part) {
			b = append(b, lower(part[i]))
		}
		b = append(b, endText)
	}
	return b
}

// appendFamily is the key's beginning that a version shares with its post-releases.
func (f *fields) appendFamily(b []byte) []byte {
	b = appendNumber(b, f.epoch)
	for rest := significant(f.release); rest != ""; {
		var number string
		number, rest, _ = strings.Cut(rest, ".")
		b = appendNumber(b, number)
	}
	b = append(b, endRelease)
	switch {
	case f.pre == 'a':
		return appendNumber(append(b, preAlpha), f.preN)
	case f.pre == 'b':
		return appendNumber(append(b, preBeta), f.preN)
	case f.pre == 'r':
		return appendNumber(append(b, preRC), f.preN)
	case f.dev && !f.post:
		return append(b, preDevOnly)
	}
	return append(b, preNone)
}

// afterPosts is the place behind every post-release of the version that f is; f is no
// development release. A pre-release's is that of the next one's first development release, a
// final release's is before no version in particular.
func (f fields) afterPosts() string {
	if f.pre != 0 {
		f.preN = increment(f.preN)
		f.post, f.postN, f.dev, f.devN, f.local = false, "", true, "0", ""
		return f.key()
	}
	f.post, f.dev = false, false
	return string(append(f.appendFamily(nil), postAfter))
}

// next is the least version above f and all its local labels.
func (f fields) next() fields {
	f.local = ""
	switch {
	case f.dev:
		f.devN = increment(f.devN)
	case f.post:
		f.postN = increment(f.postN)
		f.dev, f.devN = true, "0"
	default:
		f.post, f.postN, f.dev, f.devN = true, "0", true, "0"
	}
	return f
}

// firstDev is the first development release of f, if that is none itself.
func (f fields) firstDev() fields {
	f.dev, f.devN, f.local = true, "0", ""
	return f
}

// base is f's epoch and release alone.
func (f fields) base() fields { return fields{epoch: f.epoch, release: f.release} }

// nextRelease is f's base with the last number of the release incremented.
func (f fields) nextRelease() fields {
	i := strings.LastIndexByte(f.release, '.') + 1
	f.release = f.release[:i] + increment(f.release[i:])
	return f.base()
}

func (f fields) key() string {
	var stack [48]byte
	return string(f.appendKey(stack[:0]))
}

// appendText is the normal form.
func (f *fields) appendText(b []byte) []byte {
	if epoch := trimZeros(f.epoch); epoch != "0" {
		b = append(append(b, epoch...), '!')
	}
	for rest, more := f.release, true; more; {
		var number string
		number, rest, more = strings.Cut(rest, ".")
		b = append(b, trimZeros(number)...)
		if more {
			b = append(b, '.')
		}
	}
	switch f.pre {
	case 'a', 'b':
		b = append(append(b, f.pre), trimZeros(f.preN)...)
	case 'r':
		b = append(append(b, "rc"...), trimZeros(f.preN)...)
	}
	if f.post {
		b = append(append(b, ".post"...), trimZeros(f.postN)...)
	}
	if f.dev {
		b = append(append(b, ".dev"...), trimZeros(f.devN)...)
	}
	separator := byte('+')
	for rest := f.local; rest != ""; separator = '.' {
		var part string
		part, rest = cutLocal(rest)
		b = append(b, separator)
		if digits(part, 0) == len(part) {
			b = append(b, trimZeros(part)...)
			continue
		}
		for i := range len(part) {
			b = append(b, lower(part[i]))
		}
	}
	return b
}

// cutLocal takes the first part off a local label.
func cutLocal(s string) (part, rest string) {
	for i := range len(s) {
		if isSeparator(s[i]) {
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// significant is the release without numbers at the end that are zero; "" for 0.
func significant(release string) string {
	end := len(release)
	for i := end - 1; i >= 0; i-- {
		switch release[i] {
		case '0':
		case '.':
			end = i
		default:
			return release[:end]
		}
	}
	return ""
}

// trimZeros is the number without leading zeros; "0" for none.
func trimZeros(digits string) string {
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	if digits == "" {
		return "0"
	}
	return digits
}

// increment is the number plus one.
func increment(digits string) string {
	digits = trimZeros(digits)
	b := []byte(digits)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] != '9' {
			b[i]++
			return string(b)
		}
		b[i] = '0'
	}
	return "1" + string(b)
}

// decrement is the number minus one; the number is not zero.
func decrement(digits string) string {
	b := []byte(digits)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] != '0' {
			b[i]--
			break
		}
		b[i] = '9'
	}
	return trimZeros(string(b))
}

func appendNumber(b []byte, digits string) []byte {
	digits = trimZeros(digits)
	if len(digits) > maxDigits {
		b = append(b, numberLong, byte(len(digits)>>8), byte(len(digits)))
		return append(b, digits...)
	}
	var n uint64
	for i := range len(digits) {
		n = n*10 + uint64(digits[i]-'0')
	}
	if n < numberSmall {
		return append(b, byte(n)+1)
	}
	size := (bits.Len64(n) + 7) / 8
	b = append(b, byte(numberBytes+size))
	for shift := 8 * (size - 1); shift >= 0; shift -= 8 {
		b = append(b, byte(n>>shift))
	}
	return b
}

// readNumber is the inverse of appendNumber, on the beginning of key.
func readNumber(key string) (digits, rest string) {
	switch lead := key[0]; {
	case lead <= numberSmall:
		return strconv.Itoa(int(lead) - 1), key[1:]
	case lead < numberLong:
		size := int(lead - numberBytes)
		var wide [8]byte
		copy(wide[8-size:], key[1:1+size])
		return strconv.FormatUint(binary.BigEndian.Uint64(wide[:]), 10), key[1+size:]
	}
	size := int(key[1])<<8 | int(key[2])
	return key[3 : 3+size], key[3+size:]
}
