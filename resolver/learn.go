package resolver

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/index"
)

// learner is what Packages may be besides: it finds out the SHA-256 of a file of which its index gives none.
type learner interface {
	Learn(ctx context.Context, p *index.Project, f index.File) (index.File, error)
}

// learnAtOnce is how many files are read for their hashes at a time.
const learnAtOnce = 8

// learnAll reads the files that have no hash, or none of the kind that is wanted, side by side; merging finds what was learnt.
func learnAll(ctx context.Context, all []*solved, progress func(string)) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(learnAtOnce)
	told := false
	for _, s := range all {
		for _, name := range slices.Sorted(maps.Keys(s.versions)) {
			r, err := s.provider.release(ctx, name)
			if err != nil {
				return err
			}
			c := r.at(s.versions[name])
			if c == nil || r.direct != nil || c.file.SHA256 != "" && judge(s.provider.hashes[name], c.file) == allowed {
				continue
			}
			if !told {
				told = true
				progress("reading files of which the index gives no hash, or another kind than the requirements")
			}
			group.Go(func() error {
				_, err := s.learn(ctx, name, r, c)
				return err
			})
		}
	}
	return group.Wait()
}

// learn is a chosen file with its SHA-256, which the requirements may have wanted to be another.
func (s *solved) learn(ctx context.Context, name string, r *release, c *candidate) (index.File, error) {
	if c.file.SHA256 != "" {
		return c.file, s.hold(ctx, name, r, c.file)
	}
	from, ok := s.provider.packages.(learner)
	if !ok {
		return c.file, diag.New(diag.Fetch, "index %s gives no SHA-256 of %s", r.project.IndexName, c.file.Filename)
	}
	f, err := from.Learn(ctx, r.project, c.file)
	if err != nil {
		return f, err
	}
	return f, s.hold(ctx, name, r, f)
}

// warnUnhashed tells of files whose hash was learnt over a channel on which anybody can have replaced them.
func warnUnhashed(all []*solved, tell func(string)) {
	files := map[string][]string{} // by index
	told := map[string]bool{}      // targets have most addresses in common
	for _, s := range all {
		for _, name := range slices.Sorted(maps.Keys(s.versions)) {
			r := s.provider.met[name]
			c := r.at(s.versions[name])
			if d := r.direct; d != nil && !r.vouched(c) && (isPlain(d.URL) || isPlain(d.Git)) {
				if text := d.String(); !told[name+" "+text] {
					told[name+" "+text] = true
					tell(fmt.Sprintf("%s came without encryption (%s): what the lock says of it is what the network gave", name, text))
				}
				continue
			}
			if c != nil && !r.vouched(c) && isPlain(c.file.URL) && !slices.Contains(files[r.project.IndexName], c.file.Filename) {
				files[r.project.IndexName] = append(files[r.project.IndexName], c.file.Filename)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		slices.Sort(files[name])
		tell(fmt.Sprintf("index %s gives no hash of %s, which came over plain http: what the lock says of it is what the network gave",
			name, someFiles(files[name])))
	}
}

// someFiles names the first few of files that the lock marks.
func someFiles(names []string) string {
	if len(names) <= mostNamed {
		return some(names)
	}
	return some(names) + ", with `hashed` in the lock"
}

// isPlain tells whether an address is reached without encryption, by http or git's own protocol, and not on this machine.
func isPlain(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "git" { // parsing makes it lower case
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}
