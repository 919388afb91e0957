package resolver

import (
	"context"
	"errors"
	"slices"

	"github.com/envpack/envpack/resolver/apt"
	"github.com/envpack/envpack/resolver/cudabase"
)

// cudaDebs are packages of an archive of the manifest's that bring CUDA's libraries.
type cudaDebs []cudaDeb

type cudaDeb struct {
	platform, name string
	need           cudabase.Ask // the first that it is for
	files          []string     // that it is added for
}

// files are the libraries that are brought on a platform.
func (l cudaDebs) files(platform string) map[string]bool {
	all := map[string]bool{}
	for _, d := range l {
		if d.platform == platform {
			for _, f := range d.files {
				all[f] = true
			}
		}
	}
	return all
}

// findCUDA looks in the manifest's archives for the packages that bring the libraries: of the newest release of CUDA of which there
// are all. found tells whether there are; then they are the bases' cudaDebs.
func (b *bases) findCUDA(ctx context.Context, targets []*target, asks []cudabase.Ask) (found bool, err error) {
	for _, choice := range cudabase.Debs(asks, b.usable) {
		var list cudaDebs
		for _, t := range targets {
			var names []string
			for _, d := range choice {
				names = append(names, d.Name)
				list = append(list, cudaDeb{t.Platform, d.Name, d.For[0], filesOf(d.For)})
			}
			b.options.Progress("looking for " + some(names))
			result, err := b.source.Base(ctx, b.request(*b.chosen, t.Platform, names))
			if wrong := (*apt.WantError)(nil); errors.As(err, &wrong) && slices.Contains(names, wrong.Want) {
				list = nil // it is not there, or what it needs is not
				break
			}
			if err != nil {
				return false, b.failed(err, b.chosen.distro, t.Platform)
			}
			if !ofCUDA(result, choice) {
				list = nil
				break
			}
		}
		if list != nil {
			b.cudaDebs = list
			return true, nil
		}
	}
	return false, nil
}

// ofCUDA tells whether packages that say in their version for which CUDA they are, as cuDNN and NCCL do, are for the
// right one.
func ofCUDA(r *apt.Result, choice []cudabase.Deb) bool {
	for _, d := range choice {
		for _, got := range r.Debs {
			if got.Name == d.Name && !d.Fits(got.Version) {
				return false
			}
		}
	}
	return true
}

func filesOf(asks []cudabase.Ask) []string {
	var files []string
	for _, a := range asks {
		files = append(files, a.Library)
	}
	return files
}
