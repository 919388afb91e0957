// Package sources finds out where packages come from on this machine.
//
// A manifest names sources or implies them; the machine's configuration may give them another
// address, a mirror's, and never adds one: a lock must not depend on the machine. The order is
// flags, manifest, what users have configured (pip's and uv's variables and files, apt's sources,
// envpack's own config.toml), the well-known default of wellknown.go.
package sources
