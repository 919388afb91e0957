package lockfile

import "time"

// Source is a source distribution that a wheel of the lock was built from.
type Source struct {
	Name     string    `toml:"name"`
	SHA256   string    `toml:"sha256"`
	Size     int64     `toml:"size"`
	Hashed   bool      `toml:"hashed"`   // as of [File]
	Uploaded time.Time `toml:"uploaded"` // as of [File]
}

// Build is an environment in which wheels were built when the lock was made, with what the manifest says of their build.
// Wheels with equal ones share it.
type Build struct {
	ID       string            `toml:"id"`     // of what it has: [Build.Sum]
	Target   string            `toml:"target"` // platform
	Env      map[string]string `toml:"env"`
	Patches  []Patch           `toml:"patch"`   // in the order in which they are applied
	Added    []Addition        `toml:"added"`   // what nobody declared
	Debs     []Deb             `toml:"deb"`     // of the distribution, beyond the target's base
	Packages []Package         `toml:"package"` // without edges
}

// Patch is a file that changes a source before it is built.
type Patch struct {
	Path   string `toml:"path"` // with slashes, relative to the project
	SHA256 string `toml:"sha256"`
}

// Addition is a build requirement that the source does not declare.
type Addition struct {
	Name   string `toml:"name"`
	Reason string `toml:"reason"` // for people
}
