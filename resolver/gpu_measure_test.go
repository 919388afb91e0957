package resolver

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/internal/fatbin"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/resolver/apt"
	"github.com/envpack/envpack/resolver/cuda"
)

// wheelCode is what wheels have: by name and version, the GPUs that there is code for, and the libraries that they link with.
type wheelCode map[string]struct {
	code   string // as fatbin writes it
	needed []string
}

// readings remembers what was read, and counts what was read anew.
type readings struct {
	wheelCode
	read  []string
	asked [][]string // by call
}

func keyOf(w Wheel) string { return w.Package.Name + " " + w.Package.Version }

func (r *readings) Knows(w Wheel) bool { return slices.Contains(r.read, keyOf(w)) }

func (r *readings) Objects(_ context.Context, wheels []Wheel) ([][]elffile.Object, error) {
	out := make([][]elffile.Object, len(wheels))
	r.asked = append(r.asked, nil)
	for i, w := range wheels {
		key := keyOf(w)
		r.asked[len(r.asked)-1] = append(r.asked[len(r.asked)-1], key)
		if !r.Knows(w) {
			r.read = append(r.read, key)
		}
		o := elffile.Object{Path: "lib" + w.Package.Name + ".so", Needed: r.wheelCode[key].needed}
		if text := r.wheelCode[key].code; text != "" {
			var err error
			if o.CUDA, err = fatbin.Parse([]string{text}); err != nil {
				return nil, err
			}
		}
		out[i] = []elffile.Object{o}
	}
	return out, nil
}

func (r *readings) Contents(context.Context, apt.Options) (*apt.Contents, error) { return nil, nil }

// TestCUDAIsMeasured holds that what is in the wheels decides.
func TestCUDAIsMeasured(t *testing.T) {
	binary := []string{"cp311-cp311-manylinux_2_28_x86_64"}
	const volta, turing, ampere = "9 sm_70=100 sm_80=100", "9 sm_75=100 sm_80=100", "9 sm_80=100"
	what := wheelCode{
		"ember 1.0": {volta, []string{"libcudart.so.12"}}, "ember 2.0": {turing, []string{"libcudart.so.12"}}, "ember 3.0": {turing, []string{"libcudart.so.13"}},
		"spark 1.0": {ampere, []string{"libcublas.so.12"}}, "spark 2.0": {ampere, []string{"libcublas.so.13"}},
		"onnxruntime-gpu 1.26.0": {ampere, []string{"libcudart.so.13"}}, // which the table gets wrong
		"onnxruntime-gpu 1.25.0": {ampere, []string{"libcudart.so.12"}},
	}
	for _, c := range []struct {
		name, driver string
		devices      []string
		requires     []string
		want, told   string
	}{
		{"nothing speaks against it", "580", nil, []string{"ember"}, "ember 3.0", ""},
		{"a driver", "535", nil, []string{"ember"}, "ember 2.0", "ember 3.0 is for CUDA 13 (its libraries need libcudart.so.13), which needs driver 580.65.06 or newer, and min-driver is 535; looking for another"},
		{"a GPU", "", []string{"V100"}, []string{"ember"}, "ember 1.0",
			"ember 2.0 has no code for V100 (sm_70): libember.so has code for sm_75, sm_80 and no PTX; looking for another"},
		{"two packages", "", nil, []string{"ember<3", "spark"}, "ember 2.0, spark 1.0", "spark 2.0 is for CUDA 13 (its libraries need libcublas.so.13), and others are for CUDA 12; looking for another"},
		{"beside what says it", "", nil, []string{"nvidia-cublas-cu12", "spark"}, "nvidia-cublas-cu12 12.8.4.1, spark 1.0", "spark 2.0 is for CUDA 13 (its libraries need libcublas.so.13), and others are for CUDA 12; looking for another"},
		{"the table is wrong", "535", nil, []string{"onnxruntime-gpu"}, "onnxruntime-gpu 1.25.0", "onnxruntime-gpu 1.26.0 is for CUDA 13 (its libraries need libcudart.so.13), which needs driver 580.65.06 or newer, and min-driver is 535; looking for another"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := frameworks()
			delete(w.projects, "onnxruntime-gpu")
			for key := range what {
				name, version, _ := strings.Cut(key, " ")
				w.add(name, version, rel{tags: binary})
			}
			m := project(c.requires...)
			wanting(t, m, "", c.driver)
			for _, text := range c.devices {
				d, err := cuda.ParseDevice(text)
				if err != nil {
					t.Fatal(err)
				}
				m.GPU.Devices = append(m.GPU.Devices, d)
			}
			scan, told := &readings{wheelCode: what}, []string{}
			o := Options{Now: published.AddDate(1, 0, 0), Tell: func(text string) { told = append(told, text) }}
			l, err := Resolve(context.Background(), m, Sources{Packages: w, Base: fakeBase{"3.11.2"}, Scan: scan}, o)
			if err != nil {
				t.Fatal(err)
			}
			if got := chosen(l, amd64); got != c.want {
				t.Errorf("chosen: %s\nwanted: %s", got, c.want)
			}
			if got := strings.Join(told, "\n"); !strings.Contains(got, c.told) || (got == "") != (c.told == "") {
				t.Errorf("told: %s\nwanted: %s", got, c.told)
			}
			// Without reading, what nobody says of itself is not found out.
			o.NoScan = true
			if l, err = Resolve(context.Background(), m, Sources{Packages: w, Base: fakeBase{"3.11.2"}, Scan: scan}, o); err == nil && c.told != "" && chosen(l, amd64) == c.want {
				t.Errorf("without reading wheels it is %s as well", chosen(l, amd64))
			}
		})
	}
}

// TestCUDAMeasuresNoOthers holds that versions are chosen without reading NVIDIA's wheels and pure ones, which say nothing of it.
func TestCUDAMeasuresNoOthers(t *testing.T) {
	w := frameworks()
	delete(w.projects, "nvidia-cublas-cu12")
	w.add("nvidia-cublas-cu12", "12.8.4.1", rel{tags: []string{"py3-none-manylinux_2_28_x86_64"}})
	w.add("ember", "1.0", rel{tags: []string{"cp311-cp311-manylinux_2_28_x86_64"}})
	m := project("flame", "ember") // flame's wheels are pure
	wanting(t, m, "", "535")
	scan := &readings{wheelCode: wheelCode{}}
	l, err := Resolve(context.Background(), m, Sources{Packages: w, Base: fakeBase{"3.11.2"}, Scan: scan}, Options{Now: published.AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if got := chosen(l, amd64); got != "ember 1.0, flame 2.1, nvidia-cublas-cu12 12.8.4.1, nvidia-cuda-runtime-cu12 12.8.90" {
		t.Errorf("chosen: %s", got)
	}
	if len(scan.asked) == 0 || !slices.Equal(scan.asked[0], []string{"ember 1.0"}) {
		t.Errorf("read for the choice: %q", scan.asked)
	}
}

// TestCUDAMeasuringEnds holds that downloading wheels is bounded, that the error names what was found last, and that locking again goes on
// from there.
func TestCUDAMeasuringEnds(t *testing.T) {
	w, what := newWorld(), wheelCode{}
	for _, version := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"} {
		w.add("ember", version, rel{tags: []string{"cp311-cp311-manylinux_2_28_x86_64"}})
		what["ember "+version] = struct {
			code   string
			needed []string
		}{code: "9 sm_90=100"}
	}
	what["ember 1"] = struct {
		code   string
		needed []string
	}{code: "9 sm_80=100"}
	m := project("ember")
	d, err := cuda.ParseDevice("A100")
	if err != nil {
		t.Fatal(err)
	}
	m.GPU = &manifest.GPU{Devices: []cuda.Device{d}}
	scan := &readings{wheelCode: what}
	_, err = Resolve(context.Background(), m, Sources{Packages: w, Base: fakeBase{"3.11.2"}, Scan: scan}, Options{Now: published.AddDate(1, 0, 0)})
	if err == nil || !strings.Contains(err.Error(), "8 choices") || !strings.Contains(err.Error(), "ember 3 has no code for A100 (sm_80): libember.so has code for sm_90 and no PTX") {
		t.Error(err)
	}
	if len(scan.read) != measuredTries {
		t.Errorf("%d wheels were read", len(scan.read))
	}

	l, err := Resolve(context.Background(), m, Sources{Packages: w, Base: fakeBase{"3.11.2"}, Scan: scan}, Options{Now: published.AddDate(1, 0, 0)})
	if err != nil {
		t.Error(err)
	} else if got := chosen(l, amd64); got != "ember 1" {
		t.Errorf("chosen: %s", got)
	}

	// Where all were read, there is no answer, and the reasons are told as any others.
	m.Requirements = requirements("ember>1,<4")
	_, err = Resolve(context.Background(), m, Sources{Packages: w, Base: fakeBase{"3.11.2"}, Scan: scan}, Options{Now: published.AddDate(1, 0, 0)})
	if err == nil || !strings.Contains(err.Error(), "has no code for A100 (sm_80): libember.so has code for sm_90") {
		t.Error(err)
	}
}
