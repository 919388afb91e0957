package backend

import (
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/wheelfile"
)

func TestMendMetadata(t *testing.T) {
	const broken = "Metadata-Version: 2.4\nName: a\nVersion: 1\nAuthor-email: UNKNOWN\nblas_opt_info:\n  FOUND:\n\n    x = 1\nUNKNOWN\nPlatform: all\nRequires-Dist: six\nDynamic: author\n\nUse it.\n"
	text, mended := mendMetadata([]byte(broken))
	m, err := wheelfile.ParseMetadata(text)
	if !mended || err != nil || len(m.RequiresDist) != 1 || m.RequiresDist[0] != "six" {
		t.Errorf("%v, %+v, %v\n%s", mended, m, err, text)
	}
	if !strings.HasSuffix(string(text), "\n\nUse it.\n") {
		t.Errorf("the description moved: %s", text)
	}
	for _, whole := range []string{
		"Metadata-Version: 2.1\nName: a\nVersion: 1\nRequires-Dist: six\n\nSome text.\n\nRequires-Dist: not me\n",
		"Metadata-Version: 2.1\nName: a\nVersion: 1\nLicense: x\n        y\n        \n        z\n\nText\n",
		"Metadata-Version: 2.1\nName: a\nVersion: 1\n",
		"",
	} {
		if text, mended := mendMetadata([]byte(whole)); mended || string(text) != whole {
			t.Errorf("%q became %q", whole, text)
		}
	}
}
