package rootfs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/envpack/envpack/imagegen/layer"
)

// lay puts a tree into a folder, for programs to look at; modes and owners are not kept.
func (tree *Tree) lay(t *testing.T, root string) {
	t.Helper()
	for _, e := range tree.Entries {
		p := filepath.Join(root, e.Path)
		var err error
		switch e.Kind {
		case layer.Dir:
			err = os.MkdirAll(p, 0o755)
		case layer.Symlink:
			err = os.Symlink(e.Link, p)
		case layer.File:
			err = os.WriteFile(p, []byte(tree.text(t, e.Path)), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
