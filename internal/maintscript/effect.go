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
	"reads dpkg's database":                                          {"dpkg-query", "dpkg-vendor", "dpkg-architecture", "deb-systemd-query"},
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
	"systemd-sysusers", "systemd-tmpfiles", "pam-auth-update", "setcap", "ucf", "ucfr", "mktemp", "dpkg", "readlink", "tempfile"}

// unreproduced says of commands that change something what that is.
var unreproduced = map[string]string{
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

// Writes tells whether a call's output goes into a file that may stay.
func (c Call) Writes() bool { return !deviceOutput(c.Output) }

// deviceOutput tells whether output goes where nothing stays.
func deviceOutput(o *Outcome) bool {
	return o == nil || o.File.Known && strings.HasPrefix(o.File.Text, "/dev/") && !strings.Contains(o.File.Text, "/..")
}

// EffectOf judges a call by its name and, for parts that debhelper added, by the program that added them.
func EffectOf(c Call) Effect {
	if e, ok := generated[c.Generator]; ok && e != Harmful {
		if fromGenerator(c) {
			return e
		}
		// What such a part does to files is not carried out, so that a made-up one changes nothing.
		c.Generator = ""
		if e = EffectOf(c); e == Reproducible {
			return Harmful
		}
		return e
	}
	for _, a := range c.Args[1:] {
		switch base := a.Text[strings.LastIndexByte(a.Text, '/')+1:]; {
		case (base == "py_compile.py" || base == "compileall.py") && (!c.Args[0].Known || strings.HasPrefix(c.Name(), "py")):
			return Harmless // compiled Python files
		case strings.HasSuffix(a.Text, "rtupdate") && (!c.Args[0].Known || strings.Contains(c.Args[0].Text, "/runtime.d/")):
			return Harmless // hooks of Python's packages, which compile
		case len(c.Args) == 2 && (a.Text == "--help" || a.Text == "--version") && deviceOutput(c.Output):
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
	case "sed", "sort", "awk", "mawk", "find", "uniq":
		if !filters(c) {
			return Harmful
		}
	case "env", "xargs", "nice", "ionice", "nohup", "setsid":
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
	if !c.Args[0].Known || !deviceOutput(c.Output) {
		return false
	}
	switch name := c.Name(); name {
	case "depmod", "cpsv", "invoke-run", "update-service", "runit-helper", "db_purge", "systemd-tmpfiles", "pypy3compile":
		return true
	case "mkdir", "install", "touch", "chmod", "ln":
		return c.below(map[string][]string{"dh_apparmor": {"/etc/apparmor.d/"}, "dh_installinit": {"/etc/init.d/"},
			"dh_runit": {"/etc/sv", "/etc/service", "/etc/runit", "/var/log/runit", "/var/lib/runit", "/usr/share/runit"}}[c.Generator])
	default:
		return false // judged as everywhere
	}
}

// below tells whether all absolute paths among a call's words, and at least one word, are below the folders.
func (c Call) below(folders []string) bool {
	for _, word := range c.Words() {
		ok := !strings.HasPrefix(word, "/") || word == "/dev/null"
		for _, f := range folders {
			ok = ok || strings.HasPrefix(word+"/", f) && !strings.Contains(word, "/..")
		}
		if !ok {
			return false
		}
	}
	return len(folders) > 0 && len(c.Args) > 1
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
