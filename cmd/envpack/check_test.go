package main

import (
	"testing"

	"github.com/envpack/envpack/internal/gpuhost"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/cuda"
)

// A machine whose driver does not name its GPUs was asked about all the same.
func TestCheckHostWithoutGPUs(t *testing.T) {
	host := gpuhost.Host{Driver: "580.95.05", From: "/sys/module/nvidia/version"}
	hosts, err := checkOptions{host: true}.hosts(&host)
	if err != nil {
		t.Fatal(err)
	}
	l := &lockfile.Lock{Targets: []lockfile.Target{{Platform: "linux/amd64", Glibc: "2.36"}}, Base: lockfile.Base{Distro: "debian:12"}}
	for _, c := range []struct {
		name, version string
		want          cuda.Verdict
	}{{"numpy", "2.4.6", cuda.None}, {"torch", "2.10.0+cu128", cuda.Unknown}} {
		l.Packages = []lockfile.Package{{Name: c.name, Version: c.version, Files: []lockfile.File{{Name: c.name + ".whl", Targets: []string{"linux/amd64"}}}}}
		r := cuda.Examine(cuda.Of(l, "linux/amd64", nil), *hosts)
		withoutGPUs(&r)
		if got := r.Answers[0].Verdict; got != c.want || (got == cuda.Unknown) == r.OK() {
			t.Errorf("%s: %s %q", c.name, got, r.Answers[0].Why)
		}
	}
}
