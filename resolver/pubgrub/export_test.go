package pubgrub

import "context"

// SolveTuned is Solve with other thresholds, so that small problems reach them.
func SolveTuned[P comparable, V any, S Set[S, V]](ctx context.Context, provider Provider[P, V, S], root P, v V, swapAfter, farJump int) (*Solution[P, V], error) {
	s := newSolver(provider, root)
	s.swapAfter, s.farJump = swapAfter, farJump
	return s.run(ctx, v)
}

// Simplified is e with the proof that is explained.
func Simplified[P comparable, S Algebra[S]](e *NoSolutionError[P, S]) *NoSolutionError[P, S] {
	return &NoSolutionError[P, S]{RootPackage: e.RootPackage, Root: simplify(e.Root, e.RootPackage)}
}
