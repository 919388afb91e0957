// Package publish hands finished images over: to a folder, to an archive, to a registry.
//
// It is the only part of imagegen that reaches the network. It makes no image and changes none: manifests
// and configs are written byte for byte as they are, layers are streamed and each is held to its digest and
// size on the way. What it writes on disk appears complete or not at all, because it is renamed into place.
// It also finds the images that others read or stand on ([Open], [OpenOrigin]), and gives their layers unread.
package publish
