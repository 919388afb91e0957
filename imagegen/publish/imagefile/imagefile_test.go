package imagefile

import (
	"archive/tar"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestIsArchive(t *testing.T) {
	hex := strings.Repeat("0a", 32)
	for name, c := range map[string]struct {
		members []string
		want    bool
	}{
		"ours":        {[]string{"blobs/", "blobs/sha256/", "blobs/sha256/" + hex, "index.json", "oci-layout"}, true},
		"layout":      {[]string{"./index.json", "./oci-layout"}, true},
		"skopeo":      {[]string{hex + ".tar", hex + "/layer.tar", hex + ".json", "manifest.json"}, true},
		"old docker":  {[]string{hex + "/", hex + "/VERSION", hex + "/layer.tar", "manifest.json"}, true},
		"crane":       {[]string{"sha256:" + hex, hex + ".tar.gz", "manifest.json"}, true},
		"a data set":  {[]string{"manifest.json", "index.json", "blobs/a.png"}, false},
		"by its hash": {[]string{hex + ".json"}, false},
		"empty":       {nil, false},
	} {
		file := filepath.Join(t.TempDir(), "a.tar")
		f, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		w := tar.NewWriter(f)
		for _, m := range c.members {
			if err := w.WriteHeader(&tar.Header{Name: m, Mode: 0o644}); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		f.Close()
		if got, err := IsArchive(file); got != c.want || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	text := filepath.Join(t.TempDir(), "x.tar")
	os.WriteFile(text, []byte("[image]\n"), 0o666)
	if got, err := IsArchive(text); got || err != nil {
		t.Errorf("text: %v, %v", got, err)
	}
}
