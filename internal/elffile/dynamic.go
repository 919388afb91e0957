package elffile

import (
	"debug/elf"
	"errors"
	"fmt"
)

// dynamic reads what the dynamic section's entries refer to.
func (r *reader) dynamic(section []byte) error {
	entry := 8
	if r.wide {
		entry = 16
	}
	values := map[elf.DynTag]uint64{}
	var needed []uint64
	for ; len(section) >= entry; section = section[entry:] {
		var tag elf.DynTag
		var value uint64
		if r.wide {
			tag, value = elf.DynTag(int32(r.order.Uint64(section))), r.order.Uint64(section[8:])
		} else {
			tag, value = elf.DynTag(int32(r.order.Uint32(section))), uint64(r.order.Uint32(section[4:]))
		}
		if tag == elf.DT_NULL {
			break
		}
		if tag == elf.DT_NEEDED {
			needed = append(needed, value)
			continue
		}
		values[tag] = value // the last counts, as in elf_get_dynamic_info of glibc
	}
	table := strtab{reader: r}
	for _, at := range needed {
		table.want(at)
	}
	single := []struct {
		tag elf.DynTag
		to  *string
	}{{elf.DT_SONAME, &r.file.Soname}, {elf.DT_RPATH, &r.file.Rpath}, {elf.DT_RUNPATH, &r.file.Runpath}}
	for _, s := range single {
		if at, ok := values[s.tag]; ok {
			table.want(at)
			table.list(s.tag, at)
		}
	}
	var versions *span
	if at, ok := values[elf.DT_VERNEED]; ok && values[elf.DT_VERNEEDNUM] > 0 {
		offset, rest, ok := r.locate(at)
		if !ok {
			return fmt.Errorf("the version needs at address %#x are in no segment", at)
		}
		versions = &span{int64(offset), make([]byte, min(rest, maxVersions))}
	}
	if len(table.wanted) == 0 && versions == nil {
		return nil
	}
	address, ok := values[elf.DT_STRTAB]
	if ok {
		table.offset, table.size, ok = r.locate(address)
	}
	if !ok {
		return errors.New("the dynamic section has no string table within a segment")
	}
	table.size = min(table.size, values[elf.DT_STRSZ])
	if err := table.fetchWith(versions); err != nil {
		return err
	}
	for _, at := range needed {
		name, err := table.get(at)
		if err != nil {
			return fmt.Errorf("a needed library: %w", err)
		}
		if name == "" {
			return errors.New("a needed library has an empty name")
		}
		r.file.Needed = append(r.file.Needed, name)
	}
	for _, s := range single {
		if at, ok := values[s.tag]; ok {
			var err error
			if *s.to, err = table.get(at); err != nil {
				return fmt.Errorf("%s: %w", s.tag, err)
			}
		}
	}
	if versions == nil {
		return nil
	}
	return r.versions(versions.data, values[elf.DT_VERNEEDNUM], table)
}

// versions reads a chain of Verneed, each with its chain of Vernaux: 16 bytes each in both classes (Linux
// Standard Base, Core specification, "Symbol Versioning").
func (r *reader) versions(data []byte, count uint64, table strtab) error {
	type need struct {
		library uint64
		names   []uint64
	}
	var needs []need
	at := uint64(0)
	record := func(at uint64) ([]byte, error) {
		if at > uint64(len(data)) || uint64(len(data))-at < 16 {
			return nil, errors.New("the version needs go on beyond their segment")
		}
		return data[at : at+16], nil
	}
	table.wanted = nil
	for ; count > 0; count-- {
		v, err := record(at)
		if err != nil {
			return err
		}
		n := need{library: uint64(r.order.Uint32(v[4:]))}
		table.want(n.library)
		aux := at + uint64(r.order.Uint32(v[8:]))
		for left := r.order.Uint16(v[2:]); left > 0; left-- {
			a, err := record(aux)
			if err != nil {
				return err
			}
			name := uint64(r.order.Uint32(a[8:]))
			n.names = append(n.names, name)
			table.want(name)
			if len(table.wanted) > maxStrings {
				return errors.New("there are too many version needs")
			}
			next := uint64(r.order.Uint32(a[12:]))
			if next == 0 {
				break
			}
			aux += next
		}
		needs = append(needs, n)
		next := uint64(r.order.Uint32(v[12:]))
		if next == 0 {
			break
		}
		at += next
	}
	if err := table.fetchWith(nil); err != nil {
		return err
	}
	for _, n := range needs {
		library, err := table.get(n.library)
		if err != nil {
			return fmt.Errorf("a library of the version needs: %w", err)
		}
		v := Versions{Library: library}
		for _, at := range n.names {
			name, err := table.get(at)
			if err != nil {
				return fmt.Errorf("a version of %s: %w", library, err)
			}
			v.Names = append(v.Names, name)
		}
		v.Names = sorted(v.Names)
		r.file.Versions = append(r.file.Versions, v)
	}
	return nil
}

// strtab reads strings of the dynamic string table, which may be large, one by one.
type strtab struct {
	*reader
	offset, size uint64 // in the file
	wanted       []uint64
	lists        map[uint64]bool // of folders, which may be longer than other strings
	found        map[uint64]string
}

// list notes that a string is a list of folders, if the tag is of one.
func (t *strtab) list(tag elf.DynTag, at uint64) {
	if tag != elf.DT_RPATH && tag != elf.DT_RUNPATH {
		return
	}
	if t.lists == nil {
		t.lists = map[uint64]bool{}
	}
	t.lists[at] = true
}

func (t *strtab) want(at uint64) { t.wanted = append(t.wanted, at) }

// fetchWith reads the wanted strings, and another part of the file on the same way.
func (t *strtab) fetchWith(other *span) error {
	var spans []*span
	if other != nil {
		spans = append(spans, other)
	}
	if t.found == nil {
		t.found = map[uint64]string{}
	}
	if len(t.wanted) > maxStrings {
		return fmt.Errorf("it refers to %d strings", len(t.wanted))
	}
	places := map[uint64]*span{}
	for _, at := range t.wanted {
		if _, ok := t.found[at]; ok || places[at] != nil {
			continue
		}
		if at >= t.size {
			return fmt.Errorf("a string at %d is outside of the string table of %d bytes", at, t.size)
		}
		limit := uint64(maxString)
		if t.lists[at] {
			limit = maxList
		}
		s := &span{int64(t.offset + at), make([]byte, min(limit, t.size-at))}
		places[at] = s
		spans = append(spans, s)
	}
	if err := t.fetch(spans); err != nil {
		return err
	}
	for at, s := range places {
		found, err := text(s.data)
		if err != nil {
			return err
		}
		t.found[at] = found
	}
	return nil
}

func (t *strtab) get(at uint64) (string, error) {
	s, ok := t.found[at]
	if !ok {
		return "", fmt.Errorf("no string was read at %d", at)
	}
	return s, nil
}
