package supply

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/lockfile"
)

// former is a package that its archive once had, and Debian's snapshot service, which knows each by name and version. So
// no date is needed to find it, which the lock in an image does not have; nor is the state of the right moment, which the
// service may have taken just before a package came.
type former struct {
	service string // the root
	deb     lockfile.Deb
}

// former is nil where no such service is asked.
func (s *Supply) former(d lockfile.Deb) *former {
	if s.Sources == nil || s.extra(d.Archive) {
		return nil
	}
	if service := s.Sources.Archives[d.Archive].Service; service != "" {
		return &former{service, d}
	}
	return nil
}

// extra tells whether the lock itself says where the archive is.
func (s *Supply) extra(archive string) bool {
	for _, a := range s.Archives {
		if a.Name == archive {
			return true
		}
	}
	return false
}

// unasked is the hint for a package of an archive that the machine has a mirror of, so that the places that may have it
// still were not asked.
func (s *Supply) unasked(d lockfile.Deb) []string {
	source, ok := s.Sources.Archives[d.Archive]
	if s.extra(d.Archive) || !ok || source.WellKnown || source.Service != "" || source.Files != "" {
		return nil
	}
	if strings.HasPrefix(d.Archive, sources.Debian) {
		return []string{fmt.Sprintf("Debian's snapshot service has what the archive ever had, and is asked if its folder archive, or a mirror of that, is named: --apt-mirror %s=URL/archive", sources.DebianSnapshot)}
	}
	return []string{fmt.Sprintf("Ubuntu's library has what the archive ever had, and is asked if the address below which its files are, or a mirror's, is named: --apt-mirror %s=URL", sources.UbuntuFiles)}
}

// maxBinaries bounds the answer about one version of a package, which has a few hundred bytes for each architecture.
const maxBinaries = 1 << 20

// sha1Form is how the service names a file. What it gives is held to the lock's SHA-256.
var sha1Form = pattern.New(`^[0-9a-f]{40}$`)

// formerly asks the service for the addresses of a package's file: of what it has under that name and version, what is of
// the lock's architecture and size. The service's interface is described in the file API of its own source
// (/mr/binary/NAME/VERSION/binfiles and /file/HASH).
func (s *Supply) formerly(ctx context.Context, f *former) ([]string, error) {
	if s.silent(hostOf(f.service)) {
		return nil, nil
	}
	d := f.deb
	resp, err := s.Fetch.Get(ctx, fmt.Sprintf("%s/mr/binary/%s/%s/binfiles?fileinfo=1", f.service, url.PathEscape(d.Name), url.PathEscape(d.Version)), fetch.GetOptions{Limit: maxBinaries})
	if err != nil {
		if diag.CodeOf(err) == diag.Fetch && fetch.StatusOf(err) == 0 {
			s.quiet.Store(hostOf(f.service), true)
		}
		return nil, err
	}
	var answer struct {
		Result []struct {
			Hash         string `json:"hash"`
			Architecture string `json:"architecture"`
		} `json:"result"`
		FileInfo map[string][]struct {
			Name string `json:"name"`
			Size int64  `json:"size"`
		} `json:"fileinfo"`
	}
	if err := json.Unmarshal(resp.Body, &answer); err != nil {
		return nil, diag.Wrap(err, diag.Fetch, "what %s says of %s %s", hostOf(f.service), d.Name, d.Version)
	}
	var list []string
	for _, r := range answer.Result {
		if !sha1Form().MatchString(r.Hash) || r.Architecture != "" && r.Architecture != d.Architecture {
			continue
		}
		for _, info := range answer.FileInfo[r.Hash] {
			if info.Size == d.Size && strings.HasSuffix(info.Name, "_"+d.Architecture+".deb") {
				list = append(list, f.service+"/file/"+r.Hash)
				break
			}
		}
	}
	if len(list) == 0 {
		return nil, diag.New(diag.Fetch, "%s has no %s %s of this size", hostOf(f.service), d.Name, d.Version)
	}
	return list, nil
}
