package compare

import (
	"maps"

	"github.com/envpack/envpack/imagegen/inspect"
	"github.com/envpack/envpack/lockfile"
)

// projectLayer is envpack's layer with the project's files.
const projectLayer = "project"

// meaning gathers what counts when the image is used: first packages and base, then the project's files, then how the
// image runs.
func (c *comparison) meaning(read *readings) error {
	var what, settings []lockfile.Change
	a, b := c.old, c.now
	switch {
	case a.lock != nil && b.lock != nil:
		for _, change := range lockfile.DiffAll(a.lock, b.lock) {
			if change.Subject == "setting" {
				settings = append(settings, change)
			} else {
				what = append(what, change)
			}
		}
	default:
		x, y, known, err := c.facts(read)
		if err != nil {
			return err
		}
		if known {
			what = x.changes(y)
		}
		if a.about == nil || b.about == nil {
			settings = c.lockSettings()
		}
	}
	if a.about != nil && b.about != nil {
		settings = settingChanges(a.about, b.about, c.Options)
	}
	c.report.Meaning = append(c.report.Meaning, what...)
	c.report.Meaning = append(c.report.Meaning, c.projectFiles()...)
	c.report.Meaning = append(c.report.Meaning, settings...)
	return nil
}

// facts are what is installed on both sides, where not both have locks.
func (c *comparison) facts(read *readings) (x, y facts, known bool, err error) {
	if !read.done && (c.old.lock == nil || c.now.lock == nil) {
		c.note("packages were not compared: an image without a lock shows them only in its files, which were not read")
		return x, y, false, nil
	}
	if x, err = c.factsOf(c.old, read.oldFiles, read.oldTexts); err != nil {
		return x, y, false, err
	}
	y, err = c.factsOf(c.now, read.newFiles, read.newTexts)
	return x, y, err == nil, err
}

func (c *comparison) factsOf(s *opened, files map[string]named, texts map[string][]byte) (facts, error) {
	if s.lock != nil {
		return lockFacts(s.lock), nil
	}
	return fileFacts(files, texts)
}

// projectFiles are the changes of the project's own files, which envpack's images have in a layer of their own.
func (c *comparison) projectFiles() []lockfile.Change {
	var list []lockfile.Change
	for _, p := range c.report.Layers {
		if !isProject(p.Old) && !isProject(p.New) {
			continue
		}
		switch {
		case p.Files != nil:
			for _, f := range p.Files.List {
				if !onlyFolder(f) {
					list = append(list, f.change())
				}
			}
		case p.Match == Changed, p.Match == Added, p.Match == Removed:
			list = append(list, change("file", "the project's files", digestOf(p.Old), digestOf(p.New))...)
		}
	}
	return list
}

func isProject(l *inspect.Layer) bool { return l != nil && l.Envpack && l.Contents == projectLayer }

func digestOf(l *inspect.Layer) string {
	if l == nil {
		return ""
	}
	return l.DiffID
}

// onlyFolder tells whether a change is of a folder, which is there for what is in it.
func onlyFolder(f FileChange) bool {
	return (f.Old == nil || f.Old.Type == "folder") && (f.New == nil || f.New.Type == "folder") && f.Kind != lockfile.Changed
}

// change is a file's as one of meaning: old and new are its mode and its content.
func (f FileChange) change() lockfile.Change {
	c := lockfile.Change{Kind: f.Kind, Subject: "file", Name: f.Path, Old: f.Old.state(), New: f.New.state()}
	if c.Old == c.New { // only its date, or how it is written
		c.Old, c.New = "", ""
	}
	return c
}

// state is what counts of a file: "0644 sha256:…", or "0777 symbolic link to x".
func (f *File) state() string {
	switch {
	case f == nil:
		return ""
	case f.SHA256 != "":
		return f.Mode + " sha256:" + f.SHA256
	case f.Target != "":
		return f.Mode + " " + f.Type + " to " + f.Target
	}
	return f.Mode + " " + f.Type
}

// lockSettings compares a lock's settings with an image that has no lock: those that the lock names.
func (c *comparison) lockSettings() []lockfile.Change {
	lock, image, swapped := c.old, c.now, false
	if lock.about != nil {
		lock, image, swapped = image, lock, true
	}
	own, has := lock.lock.Image, image.about.Config
	var list []lockfile.Change
	set := func(name, x, y string) {
		if swapped {
			x, y = y, x
		}
		list = append(list, change("setting", name, x, y)...)
	}
	if len(own.Command) > 0 {
		set("command", lockfile.Words(own.Command), lockfile.Words(has.Command))
	}
	set("workdir", own.Workdir, has.Workdir)
	x, y := prefixed("env ", own.Env), environment(has.Env)
	maps.DeleteFunc(y, func(k, _ string) bool { _, named := x[k]; return !named })
	if swapped {
		x, y = y, x
	}
	return append(list, tableChanges("setting", x, y)...)
}
