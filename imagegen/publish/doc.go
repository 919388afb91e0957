// Package publish hands finished images over: to a folder, to an archive, to a registry.
//
// It is the only part of imagegen that reaches the network. It makes no image and changes none: manifests
// and configs are written byte for byte as they are, layers are streamed and each is held to its digest and
// size on the way. What it writes on disk appears complete or not at all, because it is renamed into place.
// It does not read images; an existing layout is only looked at for blobs that need not be written again.
package publish
