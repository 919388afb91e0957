package resolver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/cuda"
)

// measuredTries bounds how often versions are exchanged because of what their wheels turned out to have, of the tries that
// download wheels: those of a framework are large. What was read before costs nothing, so that locking again gets further.
const measuredTries = 8

// finding is what was read of a version's wheels, for one platform.
type finding struct {
	major  int               // of the CUDA that its libraries link with; 0: none
	linked string            // which say so
	code   bool              // it has code for GPUs, or some that could not be read
	lacks  map[string]string // by GPU as the manifest names it: what it has in place of code
}

// findingKey is that of a version in findings.
func findingKey(platform, name, version string) string { return platform + " " + name + " " + version }

// measured answers the question, and holds the answer to what is in the wheels of the packages that have code for GPUs. Where that is for
// another CUDA than was thought, or lacks code for a GPU, it is known from then on, and the question is answered again.
func (q *question) measured(ctx context.Context, lock *lockfile.Lock) ([]*solved, error) {
	g := q.policies.gpu
	var byTable error // what the table of frameworks leads to, where it leaves nothing
	for tries := 0; ; {
		done, err := q.vary(ctx, lock)
		if errors.As(err, new(*unsolved)) && q.doubtsTable() {
			g.untabled, byTable = true, err // the wheels decide: one look at what it left out
			forgetCUDA(lock)
			continue
		}
		if byTable != nil && errors.As(err, new(*unsolved)) {
			g.untabled = false
			return nil, byTable
		}
		if err != nil || g == nil || q.sources.Scan == nil {
			return done, err
		}
		if q.options.NoScan {
			q.options.Tell("the wheels were not read for their code for GPUs (--no-scan): versions were chosen by names, requirements and envpack's table")
			return done, nil
		}
		before := len(g.found)
		news, downloaded, err := q.read(ctx, done)
		if err != nil || len(news) == 0 {
			return done, err
		}
		if byTable != nil {
			g.untabled = false
			return nil, byTable
		}
		if downloaded || len(g.found) == before {
			tries++
		}
		if tries == measuredTries {
			return nil, diag.New(diag.NoAnswer, "the wheels of %d choices were downloaded and read, and none is for the hosts of [gpu]; the last one: %s", tries, strings.Join(news, "; ")).
				At(q.m.GPU.Pos).Hint("lock again to go on from there, since what was read is remembered; bounds to the versions that may do make it shorter")
		}
		for _, text := range news {
			q.options.Tell(text + "; looking for another")
		}
		forgetCUDA(lock)
	}
}

// doubtsTable tells whether the table of frameworks has a part in there being no answer, and wheels can be read to see whether it is right.
func (q *question) doubtsTable() bool {
	g := q.policies.gpu
	return g != nil && g.tabled.Load() && !g.untabled && q.sources.Scan != nil && !q.options.NoScan
}

// forgetCUDA takes out of a lock what an answer that does not do had decided.
func forgetCUDA(lock *lockfile.Lock) {
	lock.Choices = slices.DeleteFunc(lock.Choices, func(c lockfile.Choice) bool { return c.Kind == lockfile.CUDAChoice })
}

// read notes what the wheels of an answer have, and says what of it speaks against the answer; and whether one was downloaded for it.
func (q *question) read(ctx context.Context, done []*solved) (news []string, downloaded bool, err error) {
	if err := learnAll(ctx, done, q.options.Progress); err != nil {
		return nil, false, err
	}
	for _, s := range done {
		draft := &lockfile.Lock{Targets: []lockfile.Target{s.target.Target}}
		if err := merge(ctx, draft, q.m, []*solved{s}); err != nil {
			return nil, false, err
		}
		wheels := slices.DeleteFunc((&bases{lock: draft}).wheelsOf(s.target.Platform), func(w Wheel) bool {
			return cuda.IsNVIDIA(w.Package.Name) || strings.HasSuffix(w.File.Name, "-any.whl")
		})
		if q.options.Progress != nil {
			q.options.Progress("reading the code for GPUs in wheels for " + s.target.Platform)
		}
		downloaded = downloaded || slices.ContainsFunc(wheels, func(w Wheel) bool { return !q.sources.Scan.Knows(w) })
		objects, err := q.sources.Scan.Objects(ctx, wheels)
		if err != nil {
			return nil, false, diag.Wrap(err, 0, "looking for the code that wheels have for GPUs")
		}
		for i, w := range wheels {
			f := q.policies.gpu.judge(cuda.Read(objects[i]), s.cuda)
			q.policies.gpu.found[findingKey(s.target.Platform, w.Package.Name, w.Package.Version)] = f
		}
		news = append(news, q.policies.gpu.against(s)...)
	}
	return news, downloaded, nil
}

// judge is the finding of what was read of a wheel in an image for a major version of CUDA.
func (g *gpu) judge(r cuda.Reading, major int) finding {
	f := finding{lacks: map[string]string{}, code: len(r.Code)+len(r.Faults) > 0}
	linked, by := cuda.Linked(r.Needed)
	if f.linked = by; linked.Major >= oldestCUDA && linked.Major <= newestCUDA {
		f.major = linked.Major
	}
	for _, d := range g.want.Devices {
		j, ok := cuda.Judge(r.Code, d, hostsOf(g.want).DriverOf(d), cuda.Version{Major: max(major, f.major), Minor: -1})
		if ok && !j.Other.IsZero() { // it may do with another CUDA
			f.major, f.linked = j.Other.Major, "by the names of its libraries"
			continue
		}
		if ok && !j.Covered && !j.Of.Unknown {
			f.lacks[d.Name] = j.Lacks()
		}
	}
	return f
}

// against says what was found of the chosen versions that does not go with the answer.
func (g *gpu) against(s *solved) []string {
	var news []string
	major := s.cuda
	for _, name := range slices.Sorted(maps.Keys(s.versions)) {
		f, there := g.found[findingKey(s.target.Platform, name, s.versions[name].String())]
		if !there {
			continue
		}
		what := name + " " + s.versions[name].String()
		if why := g.unfit(s.target.Platform, name, s.versions[name].String()); why != "" {
			news = append(news, what+" "+why)
			continue
		}
		switch {
		case f.major == 0 || f.major == major:
		case g.refusal(f.major).kind != usable:
			news = append(news, fmt.Sprintf("%s is for CUDA %d (%s), which %s", what, f.major, f.linked, g.refusal(f.major).detail))
		case major == 0:
			major = f.major
		default:
			news = append(news, fmt.Sprintf("%s is for CUDA %d (%s), and others are for CUDA %d", what, f.major, f.linked, major))
		}
	}
	return news
}

// unfit says for which wanted GPU a version has no code, by what was read of it; "" if there is none.
func (g *gpu) unfit(platform, name, version string) string {
	f, there := g.found[findingKey(platform, name, version)]
	if !there {
		return ""
	}
	for i, d := range g.want.Devices {
		if lacks := f.lacks[d.Name]; lacks != "" {
			return g.lacks(i, lacks)
		}
	}
	return ""
}

// fails says on which wanted GPU a version is known to fail, whatever code it has; "" if on none.
func (g *gpu) fails(name, version string) string {
	for i, d := range g.want.Devices {
		if why := cuda.TableFails(cuda.Package{Name: name, Version: version}, d); why != "" {
			return fmt.Sprintf("is not for %s%s: it %s", d, g.placeOf(i), why)
		}
	}
	return ""
}

// placeOf is where the manifest names a GPU, in brackets; "" where that is not known.
func (g *gpu) placeOf(i int) string {
	if i < len(g.want.DevicesPos) {
		return at(g.want.DevicesPos[i])
	}
	return ""
}

// lacks words that there is no code for a wanted GPU.
func (g *gpu) lacks(i int, what string) string {
	return fmt.Sprintf("has no code for %s%s: %s", g.want.Devices[i], g.placeOf(i), what)
}
