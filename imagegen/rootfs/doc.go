// Package rootfs turns a set of binary packages into the file tree of a root file system.
//
// No maintainer script runs. What the scripts would have done is done here, each in the file that
// is named for it, and each was found by comparing with a root that the distribution's own tools
// had installed: the merged /usr (merge.go), users and groups (accounts.go), alternatives
// (alternatives.go), the CA bundle (certificates.go), the linker's cache (linkercache.go), the
// package database (database.go), the folders and defaults that base-files and its neighbours
// make (defaults.go), and the names of Python (python.go). For all else the packages' scripts are read
// (scripts.go) and what they say of files (commands.go, modes.go), users (users.go, admin.go) and what they
// declare (declared.go) is done to the tree; what is not is named.
//
// The tree is a pure function of the packages and of the options: no clock, no host, no order of
// arguments. Its rules as a whole have the name [Format]; a change of any byte that they give for
// some set of packages needs a new one, with the old one kept.
package rootfs

import "github.com/envpack/envpack/lockfile"

// Format names the rules of this package, as locks do.
const Format = lockfile.RootfsFormat
