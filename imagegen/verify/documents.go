package verify

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"regexp"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/compare"
)

// follow are values of manifest and config that differ as soon as a layer does.
var follow = regexp.MustCompile(`^(rootfs\.diff_ids\b|layers\[\d+\](\.(digest|size))?$|config\.(digest|size)$)`)

// Documents compares config and manifest with those that were made again. It comes behind Layers.
func (v *Verification) Documents(rebuilt *imagegen.Rebuilt) error {
	r := v.Report
	if rebuilt.Image == nil {
		why := rebuilt.Err
		for _, check := range []string{"config", "manifest"} {
			r.Unchecked = append(r.Unchecked, Gap{Check: check, What: "the " + check, Why: "it was not made again: " + diagText(why), Err: why})
			r.check(check, Unchecked, "not made again")
		}
		return nil
	}
	config, err := rebuilt.Image.RawConfigFile()
	if err != nil {
		return fmt.Errorf("reading the config: %w", err)
	}
	layers := r.statusOf("layers")
	equal, f := v.document("config", config, v.config)
	switch {
	case equal && !rebuilt.Whole():
		r.check("config", OK, "made again around the layers that were not")
	case equal:
		r.check("config", OK, "made again")
	case layers != OK && len(f.Values) == 0:
		r.check("config", layers, asLayers)
	default:
		r.find(f)
		r.check("config", Differs, values(len(f.Values)))
	}
	follows := layers
	if !equal && layers == OK {
		follows = Differs // by the config's digest
	}
	manifest, err := rebuilt.Image.RawManifest()
	if err != nil {
		return fmt.Errorf("reading the manifest: %w", err)
	}
	if v.noManifest {
		r.check("manifest", None, "the archive has none")
		return nil
	}
	switch same, f := v.document("manifest", manifest, v.raw); {
	case same:
		r.check("manifest", OK, "made again: "+digestOf(v.raw))
	case layers == OK && bytes.Equal(config, v.config) && v.rewritten():
		r.check("manifest", OK, "written by another tool, which stored the image otherwise: it names the same config, and layers of the same tars")
	case follows != OK && len(f.Values) == 0:
		r.check("manifest", follows, asLayers)
	default:
		r.find(f)
		r.check("manifest", Differs, values(len(f.Values)))
	}
	return nil
}

const asLayers = "differs as what it names does, and in nothing else"

func values(n int) string {
	if n == 1 {
		return "differs in 1 value"
	}
	return fmt.Sprintf("differs in %d values", n)
}

// rewritten tells whether another tool stored the image in another way, which gives it another manifest: with layers
// compressed otherwise, or in Docker's form.
func (v *Verification) rewritten() bool {
	media := types.MediaType(v.manifest.MediaType)
	return count(v.Report.Layers, Recompressed) > 0 || media == types.DockerManifestSchema2
}

// document compares a document with the one that was made again.
func (v *Verification) document(name string, want, got []byte) (equal bool, f Finding) {
	if bytes.Equal(want, got) {
		return true, f
	}
	f = DocumentFinding(name, want, got)
	var own []compare.Value
	for _, value := range f.Values {
		if !follow.MatchString(value.Path) {
			own = append(own, value)
		}
	}
	f.Values = own
	return false, f
}

// DocumentFinding says where a document begins to differ from the one that it should be.
func DocumentFinding(name string, want, got []byte) Finding {
	f := Finding{Check: name, Document: name, Text: "the " + name + " is not the one that the lock makes", Byte: firstByte(want, got)}
	if list, err := compare.Documents(name, want, got); err == nil { // one that is no JSON any more has no values
		f.Values = list
	}
	return f
}

// Changed is a document of a place that is not what its digest says. was is what it should be; nil: that is not known.
func Changed(document string, got, was []byte, err error) Finding {
	f := Finding{Check: "digests", Document: document, Text: diagText(err)}
	if was != nil && got != nil {
		f.Byte = firstByte(was, got)
		if list, err := compare.Documents(document, was, got); err == nil {
			f.Values = list
		}
	}
	return f
}

// firstByte is the first byte in which two documents differ.
func firstByte(want, got []byte) *compare.Difference {
	n := min(len(want), len(got))
	at := 0
	for at < n && want[at] == got[at] {
		at++
	}
	const shown = 16
	d := &compare.Difference{Of: "document", Offset: int64(at), Place: "content", Hex: true}
	d.Old, d.New = hex.EncodeToString(want[at:min(at+shown, len(want))]), hex.EncodeToString(got[at:min(at+shown, len(got))])
	switch {
	case at == len(want):
		d.Ends = "old"
	case at == len(got):
		d.Ends = "new"
	}
	return d
}

// Note adds something that a reader should know.
func (r *Report) Note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// Add adds the result of a check that the caller made.
func (r *Report) Add(name string, status Status, text string) { r.check(name, status, text) }

// Find adds a finding of the caller.
func (r *Report) Find(f Finding) { r.find(f) }

// Miss adds what the caller could not check.
func (r *Report) Miss(check, what string, err error) {
	r.Unchecked = append(r.Unchecked, Gap{Check: check, What: what, Why: diagText(err), Err: err})
}
