package verify

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/compare"
)

// follow are values of manifest and config that differ as soon as a layer does.
var follow = regexp.MustCompile(`^(rootfs\.diff_ids\b|layers\[\d+\](\.(digest|size))?$|config\.(digest|size)$)`)

// lost are values of a manifest that a tool drops which stores the image in Docker's form, and does not find again in it.
var lost = regexp.MustCompile(`^(annotations\b|mediaType$)`)

// mediaTypes are the places of media types in a manifest.
var mediaTypes = regexp.MustCompile(`^((config|layers\[\d+\])\.)?mediaType$`)

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
	same, f := v.document("manifest", manifest, v.raw)
	if !same {
		f.Values = slices.DeleteFunc(f.Values, storedOtherwise)
		if key := twice(json.NewDecoder(bytes.NewReader(v.raw))); key != "" {
			f.Values = append(f.Values, compare.Value{Document: "manifest", Path: key, New: "stands there twice"})
		}
		if !json.Valid(v.raw) { // decoders stop where it is complete
			f.Values = append(f.Values, compare.Value{Document: "manifest", Path: "the end", New: "is followed by other bytes"})
		}
	}
	switch {
	case same:
		r.check("manifest", OK, "made again: "+digestOf(v.raw))
	case len(f.Values) > 0:
		r.find(f)
		r.check("manifest", Differs, values(len(f.Values)))
	case follows == OK:
		r.check("manifest", OK, "written by another tool, which stored the image otherwise: it names the same config, and layers of the same tars")
	default:
		r.check("manifest", follows, asLayers)
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

// storedOtherwise tells whether a value of the manifest is another one because another tool stored the image: its media type
// says the same in other words, the value is lost, or only the document's form is another. Digests and sizes of layers
// follow from these, which were compared.
func storedOtherwise(v compare.Value) bool {
	switch {
	case v.Form, v.New == "" && lost.MatchString(v.Path):
		return true
	case !mediaTypes.MatchString(v.Path):
		return false
	}
	old, now := types.MediaType(v.Old), types.MediaType(v.New)
	return old.IsImage() && now.IsImage() || old.IsConfig() && now.IsConfig() || ordinaryLayer(old) && ordinaryLayer(now)
}

// ordinaryLayer tells whether a media type is that of a tar, in whatever way it is compressed, that a registry holds itself.
func ordinaryLayer(t types.MediaType) bool { return t.IsLayer() && t.IsDistributable() }

// twice finds a key that stands twice in an object of a JSON document, of which readers may take the one or the other; "":
// there is none. Of the path to it, the numbers of lists are left out.
func twice(dec *json.Decoder) string {
	token, err := dec.Token()
	if err != nil || token != json.Delim('{') && token != json.Delim('[') {
		return "" // that it is JSON was seen before
	}
	seen := map[string]bool{}
	for dec.More() {
		step := ""
		if token == json.Delim('{') {
			key, err := dec.Token()
			if err != nil {
				return ""
			}
			name := key.(string)
			if step = name + "."; seen[name] {
				return name
			}
			seen[name] = true
		}
		if path := twice(dec); path != "" {
			return step + path
		}
	}
	_, _ = dec.Token() // the closing bracket
	return ""
}

// document compares a document with the one that was made again.
func (v *Verification) document(name string, want, got []byte) (equal bool, f Finding) {
	if bytes.Equal(want, got) {
		return true, f
	}
	f = DocumentFinding(name, want, got)
	f.Values = slices.DeleteFunc(f.Values, func(value compare.Value) bool { return follow.MatchString(value.Path) })
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
