package main

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/envpack/envpack/imagegen/project"
	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/ui"
)

// outputsOf reads the outputs, and finds out before the work what can be known to be in their way.
func (s *session) outputsOf(texts []string) ([]publish.Output, error) {
	var outputs []publish.Output
	for _, text := range texts {
		out, err := publish.ParseOutput(text)
		if err != nil {
			return nil, err
		}
		if err := out.Check(1); err != nil {
			return nil, err
		}
		if out.IsStdout() {
			if s.json {
				return nil, diag.New(diag.Usage, "output %s: with --json, standard output has the result", out).Hint("write the image into a file")
			}
			if f, ok := s.stdout.(*os.File); ok && ui.For(f, os.Getenv).Terminal {
				return nil, diag.New(diag.Usage, "output %s: standard output is a terminal, and an image is no text", out).
					Hint("as in envpack build -o %s | docker load, or write it into a file", out)
			}
		}
		outputs = append(outputs, out)
	}
	return outputs, publish.CheckApart(outputs)
}

// pingEngine finds out whether Docker's engine is there, if it is to get the image.
func (s *session) pingEngine(ctx context.Context, outputs []publish.Output) error {
	i := slices.IndexFunc(outputs, func(o publish.Output) bool { return o.Form == publish.DockerDaemon })
	if i < 0 {
		return nil
	}
	engine, err := dockerEngine()
	if err == nil {
		err = engine.Ping(ctx)
	}
	if err != nil {
		return diag.Wrap(err, 0, "output %s", outputs[i])
	}
	return nil
}

// atPattern gives an error about a pattern of image.include its place.
func atPattern(err error, m *manifest.Manifest) error {
	var wrong *project.PatternError
	if !errors.As(err, &wrong) {
		return err
	}
	if i := slices.Index(m.Image.Include, wrong.Pattern); i >= 0 {
		return diag.Wrap(err, 0, "").At(m.Image.IncludePos[i])
	}
	return err
}
