package cuda

import (
	"fmt"
	"strings"
	"testing"
)

func TestSlim(t *testing.T) {
	for _, c := range []struct{ code, devices, want string }{
		{"1 sm_75=1 sm_80=2 sm_86=4 sm_90=8", "T4", "15: 1 used, 14 unused; T4 1/1"},
		{"1 sm_75=1 sm_80=2 sm_86=4 sm_90=8", "L4", "15: 4 used, 11 unused; L4 4/4"},                         // 8.6 is nearer than 8.0
		{"1 sm_75=1 sm_80=2 sm_86=4 sm_90=8", "A100,L4", "15: 6 used, 9 unused; A100 2/2, L4 4/4"},           // each its own
		{"1 sm_80=16 sm_86=32; 1 sm_80=2 sm_90=8", "A100,L4", "58: 50 used, 8 unused; A100 18/16, L4 34/32"}, // 8.0 serves both where there is no 8.6
		{"1 sm_90=1 sm_90a=2 sm_100f=4", "H100", "7: 3 used, 4 unused; H100 3/3"},
		{"1 sm_100=1 sm_100a=2 sm_100f=4", "B300", "7: 5 used, 2 unused; B300 5/5"},
		{"1 sm_80=1 compute_80@8.0=2 compute_90@8.0=4", "A100", "7: 1 used, 6 newer; A100 1/1"},
		{"1 sm_80=1 compute_80@8.0=2 compute_90@8.0=4", "H100", "7: 4 used, 1 unused, 2 newer; H100 4/4"}, // no machine code: the newest PTX
		{"1 sm_80=1 compute_90@8.0=4", "A100,B200", "5: 5 used; A100 1/1, B200 4/4"},
		{"1 sm_80=1 lto_80=2", "A100", "3: 1 used, 2 linked; A100 1/1"},
		{"1 sm_80=1; prelinked 1 sm_80=2; embedded 3 sm_80=4 sm_90=8", "A100", "15: 5 used, 8 unused, 2 linked; A100 5/5"},
		{"1 sm_75=1", "A100", "1: 1 unused; A100 0/0"},
		{"1 sm_75=1 compute_75@8.0=2", "", "3: 1 unused, 2 newer"},
	} {
		var devices []Device
		for _, name := range strings.Split(c.devices, ",") {
			if name != "" {
				devices = append(devices, device(t, name))
			}
		}
		var s Slim
		if w := s.WeighCode(code(t, strings.Split(c.code, "; ")...), devices); w != s.Weight {
			t.Errorf("%s: %v is not %v", c.code, w, s.Weight)
		}
		text := fmt.Sprint(s.Size)
		for _, x := range []struct {
			n    int64
			name string
		}{{s.Used, "used"}, {s.Unused(), "unused"}, {s.Newer, "newer"}, {s.Linked, "linked"}} {
			if x.n > 0 {
				text += fmt.Sprintf(", %d %s", x.n, x.name)
			}
		}
		text = strings.Replace(text, ",", ":", 1)
		var of []string
		for _, d := range s.Devices {
			of = append(of, fmt.Sprintf("%s %d/%d", d.Device.Name, d.Used, d.Alone))
		}
		if len(of) > 0 {
			text += "; " + strings.Join(of, ", ")
		}
		if text != c.want {
			t.Errorf("%s for %s: %s, want %s", c.code, c.devices, text, c.want)
		}
		var sum Weight
		for _, x := range s.Codes {
			sum.add(x.Weight)
			if (x.Used > 0) != (len(x.By) > 0) {
				t.Errorf("%s: %v", c.code, x)
			}
		}
		if sum != s.Weight {
			t.Errorf("%s: the codes make %v, all is %v", c.code, sum, s.Weight)
		}
	}
}
