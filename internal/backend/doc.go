// Package backend builds Python projects: it unpacks their sources, reads what they say of their build, runs the hooks of
// their build backend (PEP 517) in a sandbox, makes the wheel one that every build comes to, and tells from what the build
// printed why it failed.
//
// It chooses no versions and makes no environment: whoever calls it gives a root folder that has the build requirements
// installed. It fetches nothing, and what it runs cannot.
//
// Invariants: nothing of a project runs outside the sandbox; an archive writes nothing outside the folder that it is unpacked
// into; the same source in the same environment gives the same bytes, as far as its compilers do.
package backend
