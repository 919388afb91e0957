package unpack

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/envpack/envpack/imagegen/links"
	"github.com/envpack/envpack/internal/diag"
)

// Unpacked is a layer that [Layer] has unpacked.
type Unpacked struct {
	What     string // for errors: "layer 3 (sha256:…)"
	Dir      string
	Contents *Contents
}

// Stack puts into the folder dir, which is empty, what the layers make together, the lowest first: folders and symbolic links of
// its own, and the files of the layers' folders by further names, or copies where those cannot have any.
//
// Errors: diag errors of layers that do not fit together; those of ctx and the file system.
func Stack(ctx context.Context, layers []Unpacked, dir string) error {
	t := newTree(dir)
	for _, l := range layers {
		if err := t.takeAway(l.Contents); err != nil {
			return fmt.Errorf("putting %s on what is below: %w", l.What, err)
		}
		s := stacking{tree: t, ctx: ctx, from: l, implied: map[string]bool{}}
		for _, p := range l.Contents.Implied {
			s.implied[string(p)] = true
		}
		if err := s.add("", ""); err != nil {
			return diag.Wrap(err, 0, "putting %s on what is below", l.What)
		}
		if err := s.addLinks(); err != nil {
			return diag.Wrap(err, 0, "putting %s on what is below", l.What)
		}
	}
	return nil
}

// takeAway does what a layer's whiteouts say.
func (t *tree) takeAway(c *Contents) error {
	for _, p := range c.Cleared {
		at, err := links.Follow(string(p), true, t.target)
		if err != nil {
			return err
		}
		if n, ok := t.at[at]; !ok || n.kind != fs.ModeDir {
			continue
		}
		for _, name := range slices.Clone(t.names[at]) {
			if err := t.free(path.Join(at, name)); err != nil {
				return err
			}
		}
	}
	for _, p := range c.Gone {
		at, err := links.Follow(string(p), false, t.target)
		if err != nil {
			return err
		}
		if err := t.free(at); err != nil {
			return err
		}
	}
	return nil
}

// stacking is a layer on its way to its place.
type stacking struct {
	*tree
	ctx     context.Context
	from    Unpacked
	implied map[string]bool
}

// add adds what is in a folder of the layer to a folder of the tree: another one if it lies behind a link below.
func (s *stacking) add(folder, to string) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(s.from.Dir, filepath.FromSlash(folder)))
	if err != nil {
		return err
	}
	for _, e := range entries {
		in, at := path.Join(folder, e.Name()), path.Join(to, e.Name())
		from := filepath.Join(s.from.Dir, filepath.FromSlash(in))
		switch {
		case e.IsDir():
			if s.implied[in] {
				if at, err = s.folder(at); err != nil {
					return err
				}
			} else {
				info, err := e.Info()
				if err != nil {
					return err
				}
				if err := s.putDir(at, info.Mode(), true); err != nil {
					return err
				}
			}
			if err := s.add(in, at); err != nil {
				return err
			}
		case e.Type() == fs.ModeSymlink:
			link, err := os.Readlink(from)
			if err != nil {
				return err
			}
			if err := s.free(at); err != nil {
				return err
			}
			if err := s.putSymlink(at, link); err != nil {
				return err
			}
		default:
			if err := s.free(at); err != nil {
				return err
			}
			if err := hardLink(from, s.file(at), s.buffer); err != nil {
				return err
			}
			s.put(at, node{named: true})
		}
	}
	return nil
}

// addLinks adds the layer's hard links to files of layers below.
func (s *stacking) addLinks() error {
	for _, l := range s.from.Contents.Links {
		folder, base := path.Split(string(l.Path))
		to, err := s.folder(folder)
		if err != nil {
			return err
		}
		at := path.Join(to, base)
		target, err := links.Follow(string(l.Target), false, s.target)
		if err != nil {
			return err
		}
		n, ok := s.at[target]
		if !ok || n.kind == fs.ModeDir || target == at {
			return diag.New(diag.Failure, "/%s is a hard link to /%s, which is no file", l.Path, target).Hint("the layer is not on those that it was made for")
		}
		if err := s.free(at); err != nil {
			return err
		}
		if n.kind == fs.ModeSymlink {
			err = s.putSymlink(at, n.link)
		} else if err = hardLink(s.file(target), s.file(at), s.buffer); err == nil {
			s.put(at, node{named: true})
		}
		if err != nil {
			return err
		}
	}
	return nil
}
