// Package resolver turns a manifest into a lock: the left half of envpack.
//
// [Resolve] chooses the base first, since its interpreter and C library are what packages are
// chosen for, then solves each declared target exactly, with PubGrub (package pubgrub) over
// versions (package pep440). It never solves for several targets at once: a target's dependencies
// are those that the metadata of the very file for that target states. Targets prefer each other's
// versions, and all prefer those of the lock that is there.
//
// It builds nothing, runs nothing, and reads no wheel beyond what an index says of it. Where files come from is
// the business of package index ([Packages]), and of [References] for what is named by address.
//
// The same manifest, lock and answers of the index give the same lock, or the same explanation,
// whatever the order of the files in a page, and whenever the answers arrive. What is read ahead is
// never looked at before the solver has asked for it.
package resolver
