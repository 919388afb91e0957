package main

import (
	"fmt"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/manifest"
)

const writtenNowhere = "the image was built and written nowhere: -o oci-archive:FILE writes it into a file, --push sends it to a registry"

// remark tells what a user may have forgotten.
func (s *session) remark(m *manifest.Manifest, written bool) {
	switch {
	case !written:
		s.ui().Printf(writtenNowhere)
	case len(m.Image.Command) == 0 && m.System.Image == "":
		s.ui().Printf("the image has no command of its own: [image] command in %s says what running it starts", m.File)
	}
}

// report prints what was built; the digest is the last line, on standard error if the image has taken standard output.
func (s *session) report(images []*imagegen.Image, digest string, taken bool) error {
	s.close()
	if s.json {
		type entry struct {
			Platform    string `json:"platform"`
			Digest      string `json:"digest"`
			Environment string `json:"environment"`
			Layers      int    `json:"layers"`
			Size        int64  `json:"size"`
			Unmade      int    `json:"unmade"` // layers that were taken as sealed from a registry
		}
		out := struct {
			Digest string  `json:"digest"`
			Images []entry `json:"images"`

			*smoked // with --smoke
		}{Digest: digest, smoked: s.smoked}
		for _, i := range images {
			out.Images = append(out.Images, entry{i.Platform, i.Digest, i.Environment, len(i.Layers), sizeOf(i), len(asSealed(i))})
		}
		return s.printJSON(out)
	}
	for _, i := range images {
		s.ui().Printf("%s: %s, %s%s", i.Platform, plural(len(i.Layers), "layer"), size(sizeOf(i)), notMade(asSealed(i)))
	}
	if taken {
		s.ui().Printf("%s", digest)
		return nil
	}
	_, err := fmt.Fprintln(s.stdout, digest)
	return err
}

func sizeOf(i *imagegen.Image) int64 { return sizeOfLayers(i.Layers) }

func sizeOfLayers(layers []imagegen.Layer) int64 {
	var n int64
	for _, l := range layers {
		n += l.Size
	}
	return n
}

// asSealed are the layers that a registry had as they are sealed.
func asSealed(i *imagegen.Image) []imagegen.Layer {
	var list []imagegen.Layer
	for _, l := range i.Layers {
		if l.Elsewhere {
			list = append(list, l)
		}
	}
	return list
}

func notMade(layers []imagegen.Layer) string {
	if len(layers) == 0 {
		return ""
	}
	return fmt.Sprintf("; %s (%s) as sealed, from the registry", plural(len(layers), "layer"), size(sizeOfLayers(layers)))
}
