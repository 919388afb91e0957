package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
)

// age is a flag that takes how long ago something was, as 30d.
type age time.Duration

// String implements pflag.Value.
func (a *age) String() string {
	if *a == 0 {
		return ""
	}
	return time.Duration(*a).String()
}

// Type implements pflag.Value.
func (a *age) Type() string { return "age" }

// Set implements pflag.Value.
func (a *age) Set(text string) error {
	number := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz ")
	unit, ok := map[string]time.Duration{
		"m": time.Minute, "min": time.Minute, "h": time.Hour, "hour": time.Hour, "hours": time.Hour, "d": 24 * time.Hour, "day": 24 * time.Hour,
		"days": 24 * time.Hour, "w": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour, "weeks": 7 * 24 * time.Hour,
	}[strings.TrimSpace(strings.TrimPrefix(text, number))]
	n, err := strconv.ParseUint(number, 10, 20)
	if !ok || err != nil || n == 0 {
		return fmt.Errorf("%q is no age: a whole number and h, d or w are wanted, as 30d", text)
	}
	*a = age(time.Duration(n) * unit)
	return nil
}

// byteSize is a flag that takes a size, as 20GB; below 0: none.
type byteSize int64

// String implements pflag.Value.
func (b *byteSize) String() string {
	if *b < 0 {
		return ""
	}
	return strconv.FormatInt(int64(*b), 10)
}

// Type implements pflag.Value.
func (b *byteSize) Type() string { return "size" }

// Set implements pflag.Value.
func (b *byteSize) Set(text string) error {
	number := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
	unit, ok := map[string]float64{
		"": 1, "b": 1, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "t": 1e12, "tb": 1e12,
		"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
	}[strings.ToLower(strings.TrimSpace(strings.TrimPrefix(text, number)))]
	n, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(n >= 0) || n*unit > 1<<62 {
		return fmt.Errorf("%q is no size: a number and kB, MB, GB or TB are wanted, as 20GB", text)
	}
	*b = byteSize(n * unit)
	return nil
}

func sortedKeys(m map[string]int) []string { return slices.Sorted(maps.Keys(m)) }

// namedLock is a lock that is named for what it needs.
type namedLock struct {
	lock *lockfile.Lock
	path string
	// m is the project's manifest, or one that has but the folder, where the lock is alone.
	m *manifest.Manifest
}

// lockNamed reads the lock that a file or a project's folder or manifest is.
func (s *session) lockNamed(name string) (namedLock, error) {
	if name == "" {
		return namedLock{}, diag.New(diag.Usage, "the name of a lock is empty").Hint("is the variable set that it was to be taken from?")
	}
	info, err := os.Stat(name)
	if err != nil {
		return namedLock{}, diag.Wrap(err, diag.Usage, "the lock or project")
	}
	path, project := name, filepath.Dir(name)
	if info.IsDir() || filepath.Ext(name) == ".toml" {
		project, path = name, filepath.Join(folderOf(name), lockfile.Name)
	}
	l, err := readWhole(path, "envpack lock "+shellWord(folderOf(project)))
	if err != nil {
		return namedLock{}, err
	}
	found := namedLock{lock: l, path: path, m: &manifest.Manifest{Dir: folderOf(project)}}
	selected := manifest.Selection{Groups: l.Project.Groups, Without: l.Project.WithoutGroups}
	if m, err := manifest.Load(project, selected); err == nil {
		found.m = m
	}
	return found, nil
}
