// Package gpuhost finds out what NVIDIA's driver and GPUs a machine has: from the program nvidia-smi, which asks the
// driver's management library (NVML), else from what the kernel module says of itself. Nothing of it ever enters a lock or
// an image.
package gpuhost

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/pattern"
)

// Host is what was found.
type Host struct {
	Driver string // "535.104.05"
	GPUs   []GPU  // none where the kernel module was asked and does not say them
	From   string // what said so: "nvidia-smi", or a file
}

// GPU is one of the machine's.
type GPU struct {
	Name       string // "NVIDIA A100-SXM4-80GB"
	Capability string // "8.0"; "" where nvidia-smi is too old to say it, and of the kernel module, which does not
}

// ErrNone is wrapped where there is no driver of NVIDIA's.
var ErrNone = errors.New("this machine has no driver of NVIDIA's")

// files are what the kernel module says of itself, in the order in which they are asked.
var files = []string{"proc/driver/nvidia/version", "sys/module/nvidia/version"}

// patience is how long nvidia-smi may take; a driver that hangs answers never.
const patience = 30 * time.Second

// Find looks below root, which is "/" but in tests, and asks nvidia-smi if it is in the path. Errors: one that wraps
// [ErrNone]; that nvidia-smi is there and fails, as it does where module and library are not of one version; ctx's.
func Find(ctx context.Context, root string) (Host, error) {
	smi, err := exec.LookPath("nvidia-smi")
	if err == nil {
		return ask(ctx, smi)
	}
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join(root, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return Host{}, fmt.Errorf("asking the driver for its version: %w", err)
		}
		if version := versionIn(string(data)); version != "" {
			gpus, err := models(root)
			return Host{Driver: version, GPUs: gpus, From: "/" + name}, err
		}
	}
	return Host{}, fmt.Errorf("%w: nvidia-smi is not in the path, and there is neither /%s nor /%s", ErrNone, files[0], files[1])
}

// models are the GPUs that the kernel module names, each in a file with a line "Model: \t\t NVIDIA A100-SXM4-80GB", by their
// places on the bus.
func models(root string) ([]GPU, error) {
	files, err := filepath.Glob(filepath.Join(root, "proc/driver/nvidia/gpus/*/information"))
	if err != nil {
		return nil, err
	}
	var gpus []GPU
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("asking the driver for the GPUs: %w", err)
		}
		for line := range strings.Lines(string(data)) {
			if model, ok := strings.CutPrefix(line, "Model:"); ok && strings.TrimSpace(model) != "" {
				gpus = append(gpus, GPU{Name: strings.TrimSpace(model)})
			}
		}
	}
	return gpus, nil
}

// moduleVersion is the version in the first line of /proc/driver/nvidia/version ("NVRM version: NVIDIA UNIX x86_64 Kernel Module
// 535.104.05  Sat Aug 19 …", "… Open Kernel Module for x86_64  580.65.06  Release Build …"), and all of /sys/module/nvidia/version.
var moduleVersion = pattern.New(`(?:^|\s)([1-9][0-9]{2,3}\.[0-9]{2,3}(?:\.[0-9]{2})?)(?:\s|$)`)

func versionIn(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	if m := moduleVersion().FindStringSubmatch(line); m != nil {
		return m[1]
	}
	return ""
}

// ask asks nvidia-smi; an old one does not know capabilities.
func ask(ctx context.Context, smi string) (Host, error) {
	h := Host{From: "nvidia-smi"}
	out, err := query(ctx, smi, "driver_version,name,compute_cap")
	fields := 3
	if err != nil && ctx.Err() == nil {
		out, err = query(ctx, smi, "driver_version,name")
		fields = 2
	}
	if err != nil {
		return Host{}, err
	}
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		parts := strings.Split(line, ",")
		if len(parts) < fields {
			return Host{}, fmt.Errorf("nvidia-smi answers %q, which is not %d values", line, fields)
		}
		g := GPU{Name: strings.TrimSpace(parts[1])}
		if fields == 3 {
			g.Capability = strings.TrimSpace(parts[2])
		}
		h.Driver = strings.TrimSpace(parts[0])
		h.GPUs = append(h.GPUs, g)
	}
	return h, nil
}

func query(ctx context.Context, smi, what string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	cmd := exec.CommandContext(ctx, smi, "--query-gpu="+what, "--format=csv,noheader")
	out, err := cmd.Output()
	if err != nil {
		if ctx.Err() != nil {
			return "", fmt.Errorf("nvidia-smi did not answer within %s: %w", patience, ctx.Err())
		}
		text := string(out)
		if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
			text += string(failed.Stderr)
		}
		text = strings.TrimSpace(text)
		line, _, _ := strings.Cut(text, "\n")
		return "", fmt.Errorf("nvidia-smi failed (%w): %s", err, line)
	}
	return string(out), nil
}
