// Package imagegen turns a lock into an image: the right half of envpack.
//
// An image is a pure function of the lock, the project's files and blobs by hash. [NewPlan] says
// which layers an image has and what each is made of; [Build] makes those that the store does not
// know yet and puts the image together. Nothing here reaches the network: missing blobs are asked
// of a [Supply], and finished images are handed to the package publish.
package imagegen
