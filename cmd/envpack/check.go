package main

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/imagegen/verify"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/gpuhost"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/cuda"
)

const checkLong = `Tells whether what is locked, or an image, runs on GPUs with a driver, before anything is started
there. Four questions are answered, each with the reason, and a no with what to do about it: whether
there is code for the GPUs, whether the driver runs this CUDA, who brings CUDA's libraries, and
whether the C library is new enough.

Driver and GPUs are those of --driver and --gpu; with --host those of this machine, which nvidia-smi
or the kernel module knows; else those that the lock has of the manifest's [gpu]. An image made by
envpack is judged by the lock in it. Which code its wheels have is known where envpack read them: when
the lock was made, or earlier with this store; an image on this machine is read for it, and the one that
it stands on for CUDA's libraries. Of others the table of frameworks is asked.

It ends with status 0 if nothing speaks against it, and with 1 if something does, or if something that
was asked for is not known.`

const checkExample = `  envpack check                                   # the project's lock, for the hosts of [gpu]
  envpack check --driver 535 --gpu A100 --gpu T4  # for others
  envpack check --host                            # for this machine
  envpack check registry.example/team/train:v1 --host
  envpack check --json --driver 580.65.06 | jq '.checks[0].answers'`

type checkOptions struct {
	lockFlags
	platform string
	driver   string
	gpus     []string
	host     bool
}

func newCheck(s *session) *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:     "check [DIR|LOCK|IMAGE]",
		Short:   "Tell whether a lock or image runs on GPUs with a driver",
		Long:    checkLong,
		Example: checkExample,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return diag.New(diag.Usage, "%s takes one project, lock or image, not %d arguments", cmd.CommandPath(), len(args)).
					Hint("see `%s --help`", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.check(cmd.Context(), dirOf(cmd, args), o)
		},
		ValidArgsFunction: completeImages(1),
	}
	f := cmd.Flags()
	f.StringVar(&o.driver, "driver", "", "`VERSION` of NVIDIA's driver on the hosts, such as 535 or 535.104.05")
	f.StringArrayVar(&o.gpus, "gpu", nil, "`NAME` of a GPU (A100, \"RTX 4090\") or its compute capability (sm_90, 9.0); may be given several times")
	f.BoolVar(&o.host, "host", false, "driver and GPUs of this machine")
	f.StringVar(&o.platform, "platform", "", "check this `PLATFORM` only")
	completeFlag(cmd, "platform", completePlatform)
	completeFlag(cmd, "gpu", completeGPU)
	o.addTo(cmd)
	return cmd
}

// completeGPU knows the GPUs of the table.
func completeGPU(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	return beginning(cuda.Names(), word, nil), cobra.ShellCompDirectiveNoFileComp
}

// errUnfit is what the command check ends with when it has shown a no.
var errUnfit = errors.New("it does not run there")

// checked is what is judged of one platform.
type checked struct {
	name  string // of the image, "" of a lock
	lock  *lockfile.Lock
	where string // platform
	known readings
	base  []string // names of the libraries in the image that it stands on; nil: nobody looked
	env   []string // NAME=VALUE of the image's configuration; nil of a lock
}

func (s *session) check(ctx context.Context, spec string, o checkOptions) error {
	var found *gpuhost.Host
	if o.host {
		host, err := gpuhost.Find(ctx, "/")
		if err != nil {
			return diag.Wrap(err, diag.Failure, "looking for this machine's GPUs").
				Hint("--driver and --gpu name those of another machine")
		}
		found = &host
	}
	given, err := o.hosts(found)
	if err != nil {
		return err
	}
	st, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	all, err := s.toCheck(ctx, st, spec, o)
	if err != nil {
		return err
	}
	out := checkOutput{Host: hostOf(found)}
	for _, c := range all {
		hosts := given
		if hosts == nil {
			if hosts, err = asked(c.lock); err != nil {
				return err
			}
		}
		e, err := c.environment()
		if err != nil {
			return err
		}
		r := cuda.Examine(e, *hosts)
		if found != nil && len(hosts.Devices) == 0 {
			withoutGPUs(&r)
		}
		out.Checks = append(out.Checks, newCheckResult(c.name, r, *hosts))
	}
	s.close()
	if s.json {
		err = s.printJSON(out)
	} else {
		_, err = s.stdout.Write([]byte(out.text()))
	}
	if err == nil && !out.ok() {
		return errUnfit
	}
	return err
}

// withoutGPUs says of a machine that does not say its GPUs that whether there is code for them is not known: it was asked for.
func withoutGPUs(r *cuda.Report) {
	for i := range r.Answers {
		if a := &r.Answers[i]; a.Question == cuda.Code && (r.Frameworks > 0 || !r.CUDA.IsZero()) {
			a.Verdict = cuda.Unknown
			a.Why[0] = "this machine does not say which GPUs it has"
			a.Remedies = append(a.Remedies, "--gpu names them")
		}
	}
}

// hosts are those of the flags, and of this machine where flags do not say; nil: neither was asked for.
func (o checkOptions) hosts(host *gpuhost.Host) (*cuda.Hosts, error) {
	if o.driver == "" && len(o.gpus) == 0 && host == nil {
		return nil, nil
	}
	h := &cuda.Hosts{}
	driver, gpus := o.driver, o.gpus
	if host != nil && driver == "" {
		driver = host.Driver
	}
	if host != nil && len(gpus) == 0 {
		for _, g := range host.GPUs {
			d, err := cuda.ParseDevice(g.Capability)
			if err != nil {
				if d, err = cuda.ParseDevice(g.Name); err != nil {
					return nil, diag.Wrap(err, diag.Failure, "this machine's GPU").Hint("--gpu with its compute capability names it")
				}
			}
			d.Name = g.Name
			if !slices.Contains(h.Devices, d) {
				h.Devices = append(h.Devices, d)
			}
		}
	}
	if driver != "" {
		var err error
		if h.Driver, err = cuda.ParseDriver(driver); err != nil {
			return nil, diag.Wrap(err, diag.Usage, "--driver")
		}
	}
	for _, name := range gpus {
		d, err := cuda.ParseDevice(name)
		if unknown := (*cuda.UnknownDevice)(nil); errors.As(err, &unknown) {
			return nil, diag.Wrap(err, diag.Usage, "--gpu").Hint("%s", unknown.Hint)
		}
		h.Devices = append(h.Devices, d)
	}
	return h, nil
}

// asked are the hosts that the lock has of the manifest.
func asked(l *lockfile.Lock) (*cuda.Hosts, error) {
	h := &cuda.Hosts{Various: true}
	if l.GPU == nil {
		return h, nil
	}
	if l.GPU.MinDriver != "" {
		var err error
		if h.Driver, err = cuda.ParseDriver(l.GPU.MinDriver); err != nil {
			return nil, err
		}
	}
	for _, name := range l.GPU.Devices {
		d, err := cuda.ParseDevice(name)
		if err != nil {
			return nil, diag.Wrap(err, diag.Failure, "the lock's [gpu]").Hint("a newer envpack may know it, which made the lock")
		}
		h.Devices = append(h.Devices, d)
	}
	return h, nil
}

// toCheck are the platforms of a lock, or the images.
func (s *session) toCheck(ctx context.Context, st *store.Store, spec string, o checkOptions) ([]checked, error) {
	file, project, err := lockOf(spec, o.lockFlags)
	switch {
	case err != nil:
		return nil, err
	case file == "":
		return s.imagesToCheck(ctx, st, spec, o.platform)
	}
	var l *lockfile.Lock
	if project != "" {
		l, err = s.readAnyway(o.lockFlags, project)
	} else {
		l, err = readWhole(file, "envpack lock --lock "+shellWord(file))
	}
	if err != nil {
		return nil, err
	}
	var all []checked
	read, err := known(st, l)
	if err != nil {
		return nil, err
	}
	for _, t := range l.Targets {
		if o.platform == "" || t.Platform == o.platform {
			all = append(all, checked{lock: l, where: t.Platform, known: read})
		}
	}
	if len(all) == 0 {
		return nil, diag.New(diag.Usage, "%s has no platform %s", file, o.platform).Hint("it has %s", platformsOf(l))
	}
	return all, nil
}

func (s *session) imagesToCheck(ctx context.Context, st *store.Store, spec, platform string) (all []checked, err error) {
	src, err := s.openImage(ctx, spec, publish.OpenOptions{Platform: platform})
	if err != nil {
		return nil, err
	}
	defer closeImage(src, &err)
	for _, found := range src.Images {
		v, err := verify.New(found.Image, found.NoManifest, verify.Options{Explain: func(err error) error { return src.Explain(ctx, err) }})
		if err != nil {
			return nil, src.Explain(ctx, err)
		}
		l, err := v.Lock(ctx)
		if err != nil {
			return nil, diag.Wrap(err, 0, "%s", spec)
		}
		read, err := known(st, l)
		if err != nil {
			return nil, err
		}
		c := checked{name: found.Name, lock: l, where: found.Platform, known: read}
		if file, err := found.Image.ConfigFile(); err == nil { // else the lock in it could not have been read
			c.env = file.Config.Env
		}
		if !src.Remote() && unread(l, found.Platform, read) {
			if c.base, err = s.measureImage(ctx, found, l, read); err != nil {
				return nil, src.Explain(ctx, err)
			}
		}
		all = append(all, c)
	}
	return all, nil
}
