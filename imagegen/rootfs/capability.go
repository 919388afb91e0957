package rootfs

import (
	"encoding/binary"
	"path"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/maintscript"
)

// capabilityNames are Linux's, by number (linux/capability.h).
var capabilityNames = strings.Fields(`chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable
	net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct
	sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override
	mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore`)

// capabilitySet is what a file gives the process that runs it; a bit for each number.
type capabilitySet struct{ effective, permitted, inheritable uint64 }

// parseCapabilities reads cap_from_text(3) of names: clauses with operators and flags, as in cap_net_raw,cap_chown+ep.
// A clause without names is for all capabilities, of which later kernels have others: it is not taken.
func parseCapabilities(text string) (s capabilitySet, ok bool) {
	clauses := strings.Fields(text)
	for _, clause := range clauses {
		at := strings.IndexAny(clause, "+-=")
		if at <= 0 {
			return s, false
		}
		var bits uint64
		for _, name := range strings.Split(clause[:at], ",") {
			name, isCap := strings.CutPrefix(strings.ToLower(name), "cap_")
			n := indexOf(capabilityNames, name)
			if !isCap || n < 0 {
				return s, false
			}
			bits |= 1 << n
		}
		for rest := clause[at:]; rest != ""; {
			op := rest[0]
			flags := rest[1:]
			if next := strings.IndexAny(flags, "+-="); next >= 0 {
				flags = flags[:next]
			}
			rest = rest[1+len(flags):]
			if strings.Trim(flags, "eip") != "" || flags == "" && op != '=' {
				return s, false
			}
			for flag, set := range map[string]*uint64{"e": &s.effective, "i": &s.inheritable, "p": &s.permitted} {
				has := strings.Contains(flags, flag)
				switch {
				case has && op != '-':
					*set |= bits
				case has || op == '=':
					*set &^= bits
				}
			}
		}
	}
	// A file's effective capabilities are one bit: all that it gives, or none (capabilities(7)).
	if given := s.permitted | s.inheritable; s.effective != 0 && s.effective != given {
		return s, false
	}
	return s, len(clauses) > 0
}

func indexOf(list []string, s string) int {
	for i, x := range list {
		if x == s {
			return i
		}
	}
	return -1
}

// vfsCapData is the attribute as setcap(8) writes it: vfs_cap_data of revision 2 (linux/capability.h), little-endian.
func (s capabilitySet) vfsCapData() string {
	const revision2, effective = 0x02000000, 1
	magic := uint32(revision2)
	if s.effective != 0 {
		magic |= effective
	}
	b := binary.LittleEndian.AppendUint32(nil, magic)
	for shift := 0; shift < 64; shift += 32 {
		b = binary.LittleEndian.AppendUint32(b, uint32(s.permitted>>shift))
		b = binary.LittleEndian.AppendUint32(b, uint32(s.inheritable>>shift))
	}
	return string(b)
}

// setcap is setcap(8): pairs of capabilities and a file, or of -r and a file. As there, a link is no file.
func setcap(c *configuration, call maintscript.Call) string {
	if !c.t.exists("usr/sbin/setcap") && !c.t.exists("sbin/setcap") {
		return "there is no such program in the image"
	}
	words := call.Words()
	for len(words) > 0 && words[0] == "-q" {
		words = words[1:]
	}
	if len(words) == 0 || len(words)%2 != 0 {
		return unknownOption
	}
	for ; len(words) > 0; words = words[2:] {
		value, file := "", words[1]
		if words[0] != "-r" {
			s, ok := parseCapabilities(words[0])
			if !ok {
				return "capabilities that are not known"
			}
			value = s.vfsCapData()
		}
		e, there := c.t.get(file)
		if there && e.Kind == layer.Hardlink {
			e, _, there = c.t.stat(file)
		}
		if !path.IsAbs(file) || !there || e.Kind != layer.File {
			return "there is no file " + file
		}
		e.Capability = value
	}
	return ""
}
