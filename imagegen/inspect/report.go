// Package inspect tells what is in an image: its config, its layers, the base, and the Python packages.
//
// It reads any OCI or Docker image, not only envpack's. What it says of the base and the packages is
// what the lock in the image says ([lockfile.Lock.Projection]), or else what the files show. It does not
// fetch images or print reports, and nothing that an image says of itself is trusted: every layer that is
// read is checked against its digest, its size, and the digest of its tar, and what is kept of it in
// memory is bounded, whatever it unpacks to.
package inspect

import "github.com/envpack/envpack/lockfile"

// Report is what is known of one image. The tags are the keys of `envpack inspect --json`.
type Report struct {
	Name        string            `json:"name,omitempty"`    // by which the image was found; for the caller to set
	Platform    string            `json:"platform"`          // "linux/amd64"
	Digest      string            `json:"digest,omitempty"`  // "sha256:…" of the manifest
	ID          string            `json:"id"`                // "sha256:…" of the config
	MediaType   string            `json:"mediaType"`         // of the manifest
	Created     string            `json:"created,omitempty"` // RFC 3339
	Size        int64             `json:"size"`              // bytes of all layers as they are stored
	Annotations map[string]string `json:"annotations,omitempty"`
	Config      Config            `json:"config"`
	Base        *Base             `json:"base,omitempty"`
	Python      *Python           `json:"python,omitempty"`
	Layers      []Layer           `json:"layers"`
	Notes       []string          `json:"notes,omitempty"` // what could not be told, or does not fit together
	// Lock is the one in the image, if it could be read and is for the image's platform.
	Lock *lockfile.Lock `json:"-"`
}

// Config is how the image runs.
type Config struct {
	Entrypoint []string          `json:"entrypoint,omitempty"`
	Command    []string          `json:"command,omitempty"`
	User       string            `json:"user,omitempty"`
	Workdir    string            `json:"workdir,omitempty"`
	Env        []string          `json:"env,omitempty"`   // "NAME=value"
	Ports      []string          `json:"ports,omitempty"` // "8080/tcp"
	Volumes    []string          `json:"volumes,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
}

// Base is the distribution below the environment.
type Base struct {
	Distro   string `json:"distro"` // "debian:12"
	Codename string `json:"codename,omitempty"`
	Debs     int    `json:"debs,omitempty"` // packages of the distribution; 0: not known
	Source   string `json:"source"`         // where that is from: "lock" or "os-release"
	// Image is the image that the base is, as its lock names it, with the digest: "registry.example/python:3.11@sha256:…".
	Image string `json:"image,omitempty"`
}

// Python is the interpreter and the packages.
type Python struct {
	Version  string    `json:"version,omitempty"` // "3.11.2", or "3.11" where the files say no more; a t behind it is a free-threaded build
	Packages []Package `json:"packages"`          // by name
	Source   string    `json:"source"`            // where that is from: "lock", "files", or "environment" for the version alone
}

// Package is an installed Python package.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Wheel   string `json:"wheel,omitempty"` // file name; only locks know it
	Path    string `json:"path,omitempty"`  // of its .dist-info folder; only where files were looked at for it
}

// Layer is one layer, from the lowest on.
type Layer struct {
	Number    int      `json:"number"`             // from 1
	Contents  string   `json:"contents"`           // envpack's name of it, or the command that made it; "": not known
	Packages  []string `json:"packages,omitempty"` // Python packages in it, "numpy 2.4.6", if the lock tells
	Envpack   bool     `json:"envpack"`            // Contents is envpack's name
	MediaType string   `json:"mediaType"`
	Size      int64    `json:"size"` // bytes as it is stored
	Digest    string   `json:"digest"`
	DiffID    string   `json:"diffID"`          // digest of the tar
	Files     *Files   `json:"files,omitempty"` // nil: the layer was not read
}

// Files is what reading a whole layer shows.
type Files struct {
	Entries  int64   `json:"entries"`  // of the tar, folders included
	Unpacked int64   `json:"unpacked"` // bytes of all files
	Top      []Entry `json:"top"`      // its folders and files, from the first folder on that is not the only one; the largest first
}

// Entry is a file, or a folder with all that is in it.
type Entry struct {
	Path    string `json:"path"`
	Entries int64  `json:"entries"`
	Size    int64  `json:"size"` // bytes
}
