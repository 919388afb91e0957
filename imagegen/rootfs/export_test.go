package rootfs

import "context"

// Assemble makes the tree of packages that are all of the base.
func Assemble(ctx context.Context, debs []Deb, o Options) (*Tree, error) {
	all, err := unpackAll(ctx, debs, o)
	if err != nil {
		return nil, err
	}
	return assemble(all, configureOrder(all), o)
}
