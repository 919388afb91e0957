package apt

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"strings"
	"testing"
)

var updateVersions = flag.Bool("update-versions", false, "ask dpkg for testdata/versions.txt anew")

const versionVectors = "testdata/versions.txt"

// TestCompareVersionsAsDpkg holds the order to the verdicts of dpkg 1.21 that are kept in the
// vectors: one "a OP b" a line, OP being <, = or >.
func TestCompareVersionsAsDpkg(t *testing.T) {
	if *updateVersions {
		if err := os.WriteFile(versionVectors, askDpkg(t), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(versionVectors)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, line := range strings.Split(string(data), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 3 {
			t.Fatalf("line %q", line)
		}
		want := map[string]int{"<": -1, "=": 0, ">": 1}[f[1]]
		if got := CompareVersions(f[0], f[2]); got != want {
			t.Errorf("%s: %d", line, got)
		}
		if got := CompareVersions(f[2], f[0]); got != -want {
			t.Errorf("%s, reversed: %d", line, got)
		}
		count++
	}
	if count < 3000 {
		t.Errorf("only %d vectors", count)
	}
}

// tricky are pairs that implementations are known to get wrong, and forms that real packages have.
var tricky = []string{
	"1.0-1 2.0-2", "2.2~rc-4 2.2-1", "1.0000-1 1.0-1", "1 0:1", "0 0:0-0", "2:2.5 1:7.5", "1:0foo 0foo", "0:0foo 0foo",
	"0foo-0 0foo", "0foo 0fo", "0foo-0 0foo+", "0foo~1 0foo", "0foo~foo+Bar 0foo~foo+bar", "0foo~~ 0foo~", "1~ 1",
	"12345+that-really-is-some-ver-0 12345+that-really-is-some-ver-10", "0foo-0 0foo-01", "0foo.bar 0foobar", "0foo.bar 0foo1bar",
	"0foo.bar 0foo0bar", "0foo1bar-1 0foobar-1", "0foo2.0 0foo2", "0foo2.0.0 0foo2.10.0", "0foo2.0 0foo2.0.0", "0foo2.1 0foo2.10",
	"1.09 1.9", "1.0.8+nmu1 1.0.8", "3.11 3.10+nmu1", "0.9j-20080306-4 0.9i-20070324-2", "1.2.0~b7-1 1.2.0~b6-1", "1.011-1 1.06-2",
	"0.0.9+dfsg1-1 0.0.8+dfsg1-3", "4.6.99+svn6582-1 4.6.99+svn6496-1", "53 52", "0.9.9~pre122-1 0.9.9~pre111-1",
	"2:2.3.2-2+lenny2 2:2.3.2-2", "1:3.8.1-1 3.8.GA-1", "1.0.1+gpl-1 1.0.1-2", "1a 1000a", "3.11.2-6+deb12u9 3.11.2-6+deb12u10",
	"2.36-9+deb12u14 2.36-9", "3.14.0~rc2-1 3.14.0-1", "1.2-1~bpo12+1 1.2-1", "1.2-1+b1 1.2-1", "1.2-1+b1 1.2-1.1", "1:9.0 9.1",
	"3.0.9-1 3.0.15-1~deb12u1", "20240101 20230311+deb12u1", "1.0-1ubuntu1 1.0-1", "1.0-1build1 1.0-1", "1.0-0.1 1.0-1",
}

// askDpkg makes pairs that are near to each other, as far ones say little, from parts that matter:
// tildes, empty and long numbers, leading zeros, letters against signs, epochs, revisions.
func askDpkg(t *testing.T) []byte {
	random := rand.New(rand.NewSource(12))
	parts := []string{"0", "1", "2", "9", "10", "00", "01", "~", "~~", "+", "-", ".", ":", "a", "A", "z", "Z", "rc", "~rc1",
		"+b1", "+deb12u3", "~deb12u3", "+dfsg", "+really1.0", "~bpo12+1", "ubuntu1", "20240101", "99999999999999999999", "git"}
	version := func() []string {
		v := []string{fmt.Sprint(random.Intn(10))}
		for n := random.Intn(6); n > 0; n-- {
			v = append(v, parts[random.Intn(len(parts))])
		}
		if random.Intn(5) == 0 {
			v = append([]string{fmt.Sprintf("%d:", random.Intn(3))}, v...)
		}
		if random.Intn(2) == 0 {
			v = append(v, fmt.Sprintf("-%d", random.Intn(3)))
		}
		return v
	}
	near := func(v []string) []string {
		w := append([]string(nil), v...)
		for n := 1 + random.Intn(2); n > 0; n-- {
			i := random.Intn(len(w))
			switch random.Intn(4) {
			case 0:
				w[i] = parts[random.Intn(len(parts))]
			case 1:
				w = append(w[:i], append([]string{parts[random.Intn(len(parts))]}, w[i:]...)...)
			case 2:
				w = append(w, parts[random.Intn(len(parts))])
			case 3:
				if len(w) > 1 {
					w = append(w[:i], w[i+1:]...)
				}
			}
		}
		return w
	}
	ask := func(out *bytes.Buffer, a, b string) {
		verdict := ""
		for op, sign := range map[string]string{"lt": "<", "eq": "=", "gt": ">"} {
			if exec.Command("dpkg", "--compare-versions", a, op, b).Run() == nil {
				verdict += sign
			}
		}
		if len(verdict) != 1 {
			t.Fatalf("dpkg gives %q for %s and %s", verdict, a, b)
		}
		fmt.Fprintln(out, a, verdict, b)
	}
	var out bytes.Buffer
	fmt.Fprintln(&out, "# Verdicts of dpkg --compare-versions; go test -run AsDpkg -update-versions makes them.")
	for _, pair := range tricky {
		a, b, _ := strings.Cut(pair, " ")
		ask(&out, a, b)
	}
	seen := map[string]bool{}
	for count := 0; count < 3200; {
		v := version()
		a, b := strings.Join(v, ""), strings.Join(near(v), "")
		if seen[a+" "+b] || !valid(a) || !valid(b) {
			continue
		}
		seen[a+" "+b] = true
		ask(&out, a, b)
		count++
	}
	return out.Bytes()
}

// valid tells whether dpkg takes the version without a warning, so that its verdict is of the order
// and not of how it copes with mistakes.
func valid(v string) bool {
	cmd := exec.Command("dpkg", "--validate-version", v)
	return cmd.Run() == nil
}
