package rootfs

import (
	"fmt"
	"strings"

	"github.com/envpack/envpack/internal/debfile"
)

// readControl takes what the package says of itself, and holds it to what the lock said.
func (u *unpacked) readControl(file *debfile.File) error {
	control, members, err := file.Control()
	if err != nil {
		return err
	}
	fields := map[string]string{}
	for _, f := range controlFields(control) {
		key, value, _ := strings.Cut(f, ":")
		fields[strings.ToLower(key)] = strings.TrimSpace(value)
	}
	for key, want := range map[string]string{"package": u.Name, "version": u.Version, "architecture": u.Architecture} {
		if fields[key] != want {
			return fmt.Errorf("its control file says %s %q, not %q", key, fields[key], want)
		}
	}
	u.control, u.members, u.multiArch = control, members, fields["multi-arch"]
	return nil
}
