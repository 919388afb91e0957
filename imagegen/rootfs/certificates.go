package rootfs

import (
	"bytes"
	"path"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
)

const (
	certificates = "usr/share/ca-certificates"
	bundle       = "etc/ssl/certs/ca-certificates.crt"
)

// pemName is how update-ca-certificates names a certificate's link.
var pemName = strings.NewReplacer(" ", "_", "(", "=", ")", "=", ",", "_")

// trust does what ca-certificates' postinst does with the default answer, to trust all that it
// ships: the list of trusted files, the links, and the bundle, which is the files in path order.
// The links by subject hash are not made: OpenSSL finds the same certificates in the bundle.
func (t *tree) trust() error {
	var conf, all bytes.Buffer
	conf.WriteString("# The certificates below " + "/" + certificates + " that are trusted;\n" +
		"# a line that begins with ! is not. Read by update-ca-certificates(8).\n")
	found := false
	for _, p := range t.paths(certificates) {
		if !strings.HasSuffix(p, ".crt") || t.nodes[p].Kind != layer.File {
			continue
		}
		data, err := t.read(p)
		if err != nil {
			return err
		}
		found = true
		conf.WriteString(strings.TrimPrefix(p, certificates+"/") + "\n")
		all.Write(data)
		if !bytes.HasSuffix(data, []byte("\n")) {
			all.WriteByte('\n')
		}
		name := pemName.Replace(strings.TrimSuffix(path.Base(p), ".crt"))
		t.symlink("etc/ssl/certs/"+name+".pem", "/"+p)
	}
	if !found {
		return nil
	}
	t.file("etc/ca-certificates.conf", 0o644, 0, conf.Bytes())
	t.file(bundle, 0o644, 0, all.Bytes())
	// OpenSSL's default file; newer packages ship the link.
	t.symlink("usr/lib/ssl/cert.pem", "/"+bundle)
	return nil
}
