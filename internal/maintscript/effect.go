package maintscript

import "strings"

// Effect is what is to be expected of a command.
type Effect byte

// The effects.
const (
	Harmful      Effect = iota // changes something that nobody reproduces, or is not known
	Harmless                   // changes nothing, or what an image does without on purpose
	Reproducible               // is carried out by whoever assembles, if its words are known
)

// harmless are commands that change no file, or only what an image has no use for, by the reason.
var harmless = map[string][]string{
	"reads or prints": {"grep", "egrep", "fgrep", "sed", "awk", "mawk", "cut", "sort", "uniq", "head", "tail", "wc", "tr", "ls", "find", "readlink", "realpath",
		"stat", "uname", "id", "expr", "seq", "date", "cmp", "diff", "md5sum", "sha256sum", "env", "printenv", "pwd", "logger", "getopt", "xargs", "comm", "test", "[",
		"cat", "file", "hostname", "whoami", "df", "mountpoint", "ischroot", "sleep", "stty", "tty", "tput", "getconf", "strings", "ps", "pidof", "pgrep", "printf", "echo",
		"validlocale", "locale", "getcap", "findmnt", "od", "let", "arch", "true", ":", "nproc", "rev", "tac", "paste", "join", "lsb_release"},
	"reads dpkg's database":                                          {"dpkg-query", "dpkg-vendor", "dpkg-architecture", "dpkg-deb", "deb-systemd-query"},
	"is done for all packages at the end":                            {"ldconfig", "ldconfig.real", "dpkg-trigger", "update-ca-certificates", "update-shells", "update-passwd", "shadowconfig"},
	"compiles Python files, which an image goes without":             {"py3compile", "pycompile", "py3clean", "pyclean", "pypycompile", "compileall", "py_compilefiles", "rtupdate"},
	"moves configuration of older versions, of which there are none": {"dpkg-maintscript-helper"},
	"is for starting at boot, which an image does not":               {"deb-systemd-helper", "deb-systemd-invoke", "invoke-rc.d", "update-rc.d", "systemctl", "service", "initctl", "start-stop-daemon", "insserv", "update-initramfs", "udevadm", "telinit", "init", "systemd-machine-id-setup", "kill", "killall", "pkill", "runlevel", "rc-update", "systemd-notify", "systemd-detect-virt", "modprobe", "sysctl", "restart", "start", "stop", "reload", "status", "mount", "umount", "swapon", "journalctl", "who"},
	"writes an index for interactive help":                           {"update-menus", "install-docs", "install-info", "update-info-dir", "mandb", "catman", "doc-base", "update-desktop-database", "update-mime", "update-binfmts", "update-xmlcatalog", "update-catalog"},
	"asks or remembers answers":                                      {"db_progress", "db_info", "debconf-communicate", "debconf", "debconf-escape"},
	"checks security modules of the kernel":                          {"restorecon", "selinuxenabled", "aa-enabled", "aa-status", "apparmor_parser"},
}

// reproducible are the commands that rootfs carries out on its tree.
var reproducible = []string{"mkdir", "rmdir", "install", "touch", "chown", "chmod", "chgrp", "ln", "rm", "cp", "mv", "cat", "echo", "printf", ":",
	"adduser", "addgroup", "useradd", "groupadd", "usermod", "getent", "update-alternatives", "dpkg-statoverride", "dpkg-divert", "add-shell",
	"systemd-sysusers", "systemd-tmpfiles", "ucf", "ucfr", "mktemp", "dpkg", "readlink", "tempfile"}

// unreproduced says of commands that change something what that is.
var unreproduced = map[string]string{
	"pam-auth-update":          "the rules for logging in, /etc/pam.d/common-*, are not written",
	"glib-compile-schemas":     "compiling GSettings schemas would need to run the program",
	"gio-querymodules":         "the list of GIO modules would need to run the program",
	"gdk-pixbuf-query-loaders": "the list of image loaders would need to run the program",
	"update-mime-database":     "the MIME cache would need to run the program",
	"gtk-update-icon-cache":    "the icon cache would need to run the program",
	"update-icon-caches":       "the icon cache would need to run the program",
	"fc-cache":                 "the font cache would need to run the program",
	"update-fonts-dir":         "the font lists would need to run the program",
	"locale-gen":               "compiling locales would need to run the program",
	"localedef":                "compiling locales would need to run the program",
	"update-locale":            "the default locale is not set",
	"setcap":                   "capabilities of files are not set",
	"ssh-keygen":               "keys of a host belong to no image",
	"update-java-alternatives": "alternatives of Java are not set",
	"eval":                     "only a shell knows what it expands to",
}

var effects = func() map[string]Effect {
	m := map[string]Effect{}
	for _, names := range harmless {
		for _, n := range names {
			m[n] = Harmless
		}
	}
	for _, n := range reproducible {
		m[n] = Reproducible
	}
	return m
}()

// deviceOutput tells whether output goes where nothing stays.
func deviceOutput(o *Outcome) bool {
	return o == nil || o.File.Known && strings.HasPrefix(o.File.Text, "/dev/")
}

// EffectOf judges a call by its name and, for parts that debhelper added, by the program that added them.
func EffectOf(c Call) Effect {
	if e, ok := generated[c.Generator]; ok && e != Harmful && fromGenerator(c) {
		return e
	}
	for _, a := range c.Args[1:] {
		switch base := a.Text[strings.LastIndexByte(a.Text, '/')+1:]; {
		case base == "py_compile.py", base == "compileall.py":
			return Harmless // compiled Python files
		case strings.HasSuffix(a.Text, "rtupdate") && (!c.Args[0].Known || strings.Contains(c.Args[0].Text, "/runtime.d/")):
			return Harmless // hooks of Python's packages, which compile
		case (a.Text == "--help" || a.Text == "--version") && deviceOutput(c.Output):
			return Harmless
		}
	}
	if !c.Args[0].Known {
		return Harmful
	}
	effect := effects[c.Name()]
	switch c.Name() {
	case "echo", "printf", "cat", ":":
		if deviceOutput(c.Output) {
			return Harmless
		}
	case "sed", "perl", "sort", "awk", "mawk", "find":
		if writes(c) {
			return Harmful
		}
	case "env", "xargs":
		return effectOfStarted(c)
	case "mktemp", "tempfile", "getent", "readlink":
		if deviceOutput(c.Output) {
			return Harmless
		}
		return Harmful
	case "dpkg-realpath", "dpkg-statoverride", "dpkg-divert":
		for _, a := range c.Args[1:] {
			if a.Text == "--list" || a.Text == "--truename" || a.Text == "--listpackage" || a.Text == "--remove" {
				return Harmless
			}
		}
	case "dpkg":
		for _, a := range c.Args[1:] {
			switch a.Text {
			case "--compare-versions", "--print-architecture", "--print-foreign-architectures", "-s", "-L", "-l", "--validate-version", "--get-selections", "--assert-multi-arch":
				if deviceOutput(c.Output) {
					return Harmless
				}
			}
		}
		return Harmful
	}
	if c.Name() == "perl" && len(c.Args) == 3 && c.Args[1].Text == "-e" && c.Args[2] == (Arg{"", true}) {
		return Harmless
	}
	if effect == Harmless && !deviceOutput(c.Output) {
		return Harmful
	}
	return effect
}

// fromGenerator tells whether a command in a part that debhelper added can be debhelper's: parts begin and end by
// comments, which anybody can write.
func fromGenerator(c Call) bool {
	if !c.Args[0].Known {
		return true
	}
	switch name := c.Name(); name {
	case "depmod", "cpsv", "invoke-run", "update-service", "runit-helper", "db_purge":
		return true
	case "rm", "mv", "cp", "ln", "chown", "chmod":
		return false
	default:
		return effects[name] != Harmful
	}
}

// writes tells whether a program that filters text or lists files is asked to change some.
func writes(c Call) bool {
	for _, a := range c.Args[1:] {
		short := strings.HasPrefix(a.Text, "-") && !strings.HasPrefix(a.Text, "--")
		switch c.Name() {
		case "sed":
			if short && strings.Contains(a.Text, "i") || strings.HasPrefix(a.Text, "--in-place") || !short && sedWrites(a.Text) {
				return true
			}
		case "perl":
			if short && strings.Contains(a.Text, "i") {
				return true
			}
		case "sort":
			if short && strings.Contains(a.Text, "o") || strings.HasPrefix(a.Text, "--output") {
				return true
			}
		case "awk", "mawk":
			if strings.Contains(a.Text, "print") && strings.ContainsAny(a.Text, ">|") || strings.Contains(a.Text, "system(") {
				return true
			}
		case "find":
			for _, action := range []string{"-exec", "-delete", "-ok", "-fprint", "-fls"} {
				if strings.HasPrefix(a.Text, action) {
					return true
				}
			}
		}
	}
	return false
}

// sedWrites tells whether a program for sed may have the command w, or the flag, followed by a file.
func sedWrites(program string) bool {
	_, file, found := strings.Cut(program, "w ")
	return found && strings.HasPrefix(strings.TrimLeft(file, " "), "/")
}

// effectOfStarted judges env and xargs by the command that they start.
func effectOfStarted(c Call) Effect {
	for i, a := range c.Args[1:] {
		option := strings.HasPrefix(a.Text, "-") || strings.Contains(a.Text, "=") && c.Name() == "env"
		if option || !a.Known && i == 0 && c.Name() == "env" {
			continue
		}
		started := c
		started.Args = c.Args[1+i:]
		if EffectOf(started) == Harmless {
			return Harmless
		}
		return Harmful // nobody carries it out in this form
	}
	if deviceOutput(c.Output) {
		return Harmless
	}
	return Harmful
}

// generated are debhelper's programs whose parts of a script need no reading, and why: Harmless for what an
// image does without, or what is done for all packages; the commands of the others are judged one by one.
var generated = map[string]Effect{
	"dh_installsystemd":     Harmless, // enabling and starting units: nothing boots in an image
	"dh_installsystemduser": Harmless,
	"dh_systemd_enable":     Harmless,
	"dh_systemd_start":      Harmless,
	"dh_installinit":        Harmless, // update-rc.d and invoke-rc.d
	"dh_runit":              Harmless,
	"dh_installudev":        Harmless,
	"dh_installmenu":        Harmless, // menus of window managers
	"dh_installdeb":         Harmless, // dpkg-maintscript-helper: configuration of older versions
	"dh_makeshlibs":         Harmless, // ldconfig: done for all packages
	"dh_python3":            Harmless, // compiled Python files
	"dh_python2":            Harmless,
	"dh_pypy":               Harmless,
	"dh_installmodules":     Harmless, // depmod
	"dh_installinitramfs":   Harmless,
	"dh_apparmor":           Harmless, // the kernel's profiles
	"dh_installdocs":        Harmless, // indexes of documentation
	"dh_installtex":         Harmful,
	"dh_ucf":                Harmful,
}
