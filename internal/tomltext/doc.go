// Package tomltext is the text of TOML documents that people write: where things stand in it, and changes of it that
// leave every other byte as it was.
//
// It does not decode: the decoder says what a document means and whether it is valid, and goes first. It knows no
// manifest.
package tomltext
