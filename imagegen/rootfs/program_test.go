package rootfs

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/testenv"
)

// program is an ELF file with constants.
func program(constants ...string) string {
	const ehdr, shdr, names = 64, 64, "\x00.rodata\x00.shstrtab\x00"
	text := strings.Join(constants, "\x00") + "\x00"
	at := uint64(ehdr + len(text))
	var b bytes.Buffer
	h := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1, Shoff: at + uint64(len(names)),
		Ehsize: ehdr, Shentsize: shdr, Shnum: 3, Shstrndx: 2,
	}
	copy(h.Ident[:], "\x7fELF\x02\x01\x01")
	binary.Write(&b, binary.LittleEndian, h)
	b.WriteString(text + names)
	binary.Write(&b, binary.LittleEndian, []elf.Section64{
		{},
		{Name: 1, Type: uint32(elf.SHT_PROGBITS), Off: ehdr, Size: uint64(len(text))},
		{Name: 9, Type: uint32(elf.SHT_STRTAB), Off: at, Size: uint64(len(names))},
	})
	return b.String()
}

func TestPreinstIsAProgram(t *testing.T) {
	own := []string{"cp", "/bin/service", "/bin/service.distrib", "/bin/service\n", "/usr/share/man/man1/service.distrib.1.gz", "/dev/null", "%s"}
	files := map[string]string{"bin/service": "s", "usr/share/man/man1/service.1.gz": "m"}
	essential := map[string]string{"Essential": "yes"}
	for name, c := range map[string]struct {
		members, fields map[string]string
		told            bool
	}{
		"keeps what is":        {map[string]string{"preinst": program(own...)}, essential, false},
		"not essential":        {map[string]string{"preinst": program(own...)}, nil, true},
		"another path":         {map[string]string{"preinst": program(append(own, "/etc/made")...)}, essential, true},
		"no path":              {map[string]string{"preinst": program("cp")}, essential, true},
		"not clean":            {map[string]string{"preinst": program("/bin/../bin/service")}, essential, true},
		"no constants":         {map[string]string{"preinst": sharedLibrary(elf.EM_X86_64, "x")}, essential, true},
		"a postinst is judged": {map[string]string{"postinst": program(own...)}, essential, true},
	} {
		tree := mustAssemble(t, append(fakeBase(), deb("service", testenv.DebOptions{Files: files, Members: c.members, Fields: c.fields}))...)
		if told := len(tree.Unread["service"]) > 0; told != c.told {
			t.Errorf("%s: %v", name, tree.Unread)
		}
	}
}
