package pubgrub

import "context"

// Solve finds a version of every package that version v of root depends on, directly or not.
//
// If there is no solution the error is a *NoSolutionError[P, S]. Other errors come from the provider, wrapped, or from ctx.
func Solve[P comparable, V any, S Set[S, V]](ctx context.Context, provider Provider[P, V, S], root P, v V) (*Solution[P, V], error) {
	return newSolver(provider, root).run(ctx, v)
}

// failure turns the proof that failed concludes into what callers see of it.
func (s *solver[P, V, S]) failure(failed *fact[S]) error {
	seen := map[*fact[S]]*Incompatibility[P, S]{}
	// Causes first, without recursion: a proof may be deep.
	stack := []*fact[S]{failed}
	for len(stack) > 0 {
		f := stack[len(stack)-1]
		if seen[f] != nil {
			stack = stack[:len(stack)-1]
			continue
		}
		if f.kind == Derived {
			ready := true
			for _, c := range []*fact[S]{f.causes[1], f.causes[0]} {
				if seen[c] == nil {
					stack = append(stack, c)
					ready = false
				}
			}
			if !ready {
				continue
			}
		}
		stack = stack[:len(stack)-1]
		n := &Incompatibility[P, S]{Kind: f.kind, Terms: make([]Term[P, S], len(f.terms))}
		for i, t := range f.terms {
			n.Terms[i] = Term[P, S]{Package: s.pkgs[t.pkg].name, Positive: t.pos, Set: t.set}
		}
		switch f.kind {
		case Derived:
			n.Causes = [2]*Incompatibility[P, S]{seen[f.causes[0]], seen[f.causes[1]]}
		case Dependency, Constraint:
			n.Package, n.Set = s.pkgs[f.pkg].name, f.set
			n.Dep = Dep[P, S]{Package: s.pkgs[f.depPkg].name, Set: f.depSet, Reason: f.reason}
		default:
			n.Package, n.Set, n.Reason = s.pkgs[f.pkg].name, f.set, f.reason
		}
		seen[f] = n
	}
	return &NoSolutionError[P, S]{RootPackage: s.pkgs[root].name, Root: seen[failed]}
}
