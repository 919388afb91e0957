package interpreter

import (
	"debug/elf"
	"strings"
	"testing"
)

func TestFinder(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{`xxOPENSSLDIR: "/etc/ssl"` + "\x00", "/etc/ssl"},
		{`OPENSSLDIR: "%s" OPENSSLDIR: N/A OPENSSLDIR: "/usr/lib/ssl" OPENSSLDIR: "/other"`, "/usr/lib/ssl"},
		{`OPENSSLDIR: "/../etc"`, ""}, {`OPENSSLDIR: "` + strings.Repeat("/a", 200) + `"`, ""}, {`OPENSSLDIR: "/etc`, ""},
		{`OPENSSLDIR: OPENSSLDIR: "OPENSSLDIR: "/a"`, "/a"},
	} {
		for size := 1; size <= len(c.text)+1; size++ {
			var f finder
			for rest := c.text; rest != ""; {
				n, err := f.Write([]byte(rest[:min(size, len(rest))]))
				if err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if f.dir != c.want || len(f.tail) > maxSettings+len(settingsMark) {
				t.Fatalf("%q by %d bytes: %q, and %d bytes are kept", c.text, size, f.dir, len(f.tail))
			}
		}
	}
}

func TestCertFile(t *testing.T) {
	own := binaryOf{machine: elf.EM_X86_64, soname: "libcrypto.so.3"}.build() + `OPENSSLDIR: "/etc/ssl"`
	if i := mustRead(t, with(file("lib/libcrypto.so.3", own))); i.CertFile != "/etc/ssl/cert.pem" {
		t.Errorf("certificates: %q", i.CertFile)
	}
	if i := mustRead(t, complete()); i.CertFile != "" {
		t.Errorf("certificates without an OpenSSL: %q", i.CertFile)
	}
}
