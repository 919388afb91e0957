package links_test

import (
	"testing"

	"github.com/envpack/envpack/imagegen/links"
)

func TestFollow(t *testing.T) {
	tree := map[string]string{
		"bin": "usr/bin", "usr/bin/sh": "dash", "usr/bin/absolute": "/etc/alternatives/x", "etc/alternatives/x": "../../bin/sh",
		"up": "../../../usr", "loop": "loop", "a": "b", "b": "a", "usr/lib64": "/usr/lib/", "itself": ".",
	}
	target := func(p string) (string, bool) { l, ok := tree[p]; return l, ok }
	for _, test := range []struct {
		path string
		last bool
		want string // "!": an error
	}{
		{"/", true, ""},
		{"/bin/sh", true, "usr/bin/dash"},
		{"bin/sh", false, "usr/bin/sh"},
		{"/bin", false, "bin"},
		{"/bin/absolute", true, "usr/bin/dash"},
		{"/bin/../x", true, "x"}, // as the path is written
		{"/up/share", true, "usr/share"},
		{"/usr/lib64/x/y", true, "usr/lib/x/y"},
		{"/itself/itself/bin/ls", true, "usr/bin/ls"},
		{"/../../etc/new", true, "etc/new"},
		{"/loop", true, "!"},
		{"/loop", false, "loop"},
		{"/a/x", false, "!"},
	} {
		got, err := links.Follow(test.path, test.last, target)
		if err != nil {
			got = "!"
		}
		if got != test.want {
			t.Errorf("%s leads to %q, not %q: %v", test.path, got, test.want, err)
		}
	}
}
