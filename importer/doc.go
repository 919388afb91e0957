// Package importer makes a manifest of the files that projects describe their environments with.
//
// Each form has a reader in a package below, which gives a draft of what one file says. This package finds the reader, puts drafts
// together ([Compose]) and writes the manifest as a person would have written it ([Manifest.Text]). It resolves nothing, asks
// nobody and knows no images: whether what was asked for can be had is for the lock to find.
//
// What was read is accounted for line by line: nothing is passed over in silence.
package importer
