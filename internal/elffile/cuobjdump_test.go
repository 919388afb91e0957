package elffile

import (
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/fatbin"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/internal/wheelfile"
)

// TestCuobjdump compares the code of all libraries in the folder of wheels with the lists of NVIDIA's cuobjdump, which is in
// a wheel too.
func TestCuobjdump(t *testing.T) {
	testenv.Real(t, "wheels with code for GPUs, and nvidia-cuda-cuobjdump")
	files, err := filepath.Glob(filepath.Join(testenv.Wheels(t), "*.whl"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	tool := ""
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "nvidia_cuda_cuobjdump-") {
			eachMember(t, file, func(name string, content io.Reader) {
				if strings.HasSuffix(name, "/cuobjdump") {
					tool = filepath.Join(dir, "cuobjdump")
					write(t, tool, content)
				}
			})
		}
	}
	if tool == "" {
		t.Fatal("ENVPACK_WHEELS has no wheel of nvidia-cuda-cuobjdump")
	}
	compared := 0
	for _, file := range files {
		found := map[string]*fatbin.Summary{}
		withDirectory(t, file, func(d *wheelfile.Directory) {
			objects, err := ReadWheel(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range objects {
				if o.CUDAFault != "" {
					t.Errorf("%s of %s: %s", o.Path, filepath.Base(file), o.CUDAFault)
				}
				if o.CUDA != nil {
					found[o.Path] = o.CUDA
				}
			}
		})
		if len(found) == 0 {
			continue
		}
		eachMember(t, file, func(name string, content io.Reader) {
			if found[name] == nil {
				return
			}
			library := filepath.Join(dir, "library.so")
			write(t, library, content)
			want, ok := listed(t, tool, library)
			if !ok {
				t.Logf("cuobjdump does not read %s of %s", name, filepath.Base(file))
				return
			}
			compared++
			if diff := cmp.Diff(want, counted(found[name])); diff != "" {
				t.Errorf("%s of %s: (-cuobjdump +ours) %s", name, filepath.Base(file), diff)
			}
		})
	}
	if t.Logf("%d libraries are alike", compared); compared < 5 {
		t.Errorf("only %d libraries were compared", compared)
	}
}

var listedCode = regexp.MustCompile(`(?m)\.sm_(\d+[af]?)\.(cubin|ptx)$`)

// listed counts cuobjdump's lists. It gives up files whose code its own release is too new for, and has no f behind cubins.
func listed(t *testing.T, tool, library string) (map[string]int, bool) {
	all := map[string]int{}
	for _, option := range []string{"--list-elf", "--list-ptx"} {
		out, err := exec.CommandContext(t.Context(), tool, option, library).CombinedOutput()
		if strings.Contains(string(out), "fatal") {
			return nil, false
		}
		if err != nil && !strings.Contains(string(out), "No PTX file found") {
			t.Fatalf("%s: %v\n%s", option, err, out)
		}
		for _, m := range listedCode.FindAllStringSubmatch(string(out), -1) {
			all[m[2]+" "+m[1]]++
		}
	}
	return all, true
}

// counted counts in the same way.
func counted(s *fatbin.Summary) map[string]int {
	all := map[string]int{}
	for _, g := range s.Groups {
		for _, c := range g.Codes {
			arch := strings.TrimPrefix(c.Arch.String(), "sm_")
			switch c.Kind {
			case fatbin.Cubin:
				all["cubin "+strings.TrimSuffix(arch, "f")] += g.Count
			case fatbin.PTX:
				all["ptx "+arch] += g.Count
			}
		}
	}
	maps.DeleteFunc(all, func(_ string, n int) bool { return n == 0 })
	return all
}

func withDirectory(t *testing.T, file string, use func(*wheelfile.Directory)) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	d, err := wheelfile.ReadDirectory(filepath.Base(file), f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	use(d)
}

func eachMember(t *testing.T, file string, visit func(name string, content io.Reader)) {
	t.Helper()
	withDirectory(t, file, func(d *wheelfile.Directory) {
		for _, e := range d.Entries {
			if e.IsDir {
				continue
			}
			c, err := d.Content(e)
			if err != nil {
				t.Fatal(fmt.Errorf("%s: %w", file, err))
			}
			visit(e.Name, io.NewSectionReader(c, 0, e.Size))
			c.Close()
		}
	})
}

func write(t *testing.T, file string, content io.Reader) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, content); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
