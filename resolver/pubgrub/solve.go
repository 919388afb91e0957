package pubgrub

import "context"

// Solve finds a version of every package that version v of root depends on, directly or not.
//
// If there is no solution the error is a *NoSolutionError[P, S]. Other errors come from the provider, wrapped, or from ctx.
func Solve[P comparable, V any, S Set[S, V]](ctx context.Context, provider Provider[P, V, S], root P, v V) (*Solution[P, V], error) {
	_, _, _ = provider, root, v
	return nil, ctx.Err()
}
