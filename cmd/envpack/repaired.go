package main

import (
	"context"
	"errors"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/diag"
)

// mayBeDamage tells whether a failure can come from a damaged file in the store. Of failures that
// were understood where they happened only mismatches can.
func mayBeDamage(ctx context.Context, err error) bool {
	if err == nil || ctx.Err() != nil {
		return false
	}
	var understood *diag.Error
	return !errors.As(err, &understood) || diag.CodeOf(err) == diag.Mismatch
}

// repaired removes what is damaged of a platform's files and layers, and tells whether something was.
func (b *building) repaired(ctx context.Context, plan *imagegen.Plan) bool {
	n, err := b.builder.Repair(ctx, plan)
	if err != nil || n == 0 {
		return false
	}
	b.ui().Warn("%s in the store %s damaged; what is missing now is fetched or made again", plural(n, "file"), wasWere(n))
	return true
}

func wasWere(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}
