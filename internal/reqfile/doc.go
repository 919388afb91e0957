// Package reqfile is the outer form of pip's requirements files: their encoding, lines with continuations and comments, and
// the options on a line, each with its place. What a requirement or an option means is for the reader to say.
//
// It follows pip's req_file module, and the requirements of pip's documentation (Requirements File Format).
package reqfile
