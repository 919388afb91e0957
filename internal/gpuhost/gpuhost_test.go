package gpuhost

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestModule(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	root := t.TempDir()
	if _, err := Find(context.Background(), root); !errors.Is(err, ErrNone) {
		t.Errorf("nothing is there: %v", err)
	}
	put := func(name, text string) {
		t.Helper()
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("sys/module/nvidia/version", "570.124.06\n")
	if h, err := Find(context.Background(), root); err != nil || h.Driver != "570.124.06" || h.From != "/sys/module/nvidia/version" {
		t.Errorf("%+v, %v", h, err)
	}
	for text, want := range map[string]string{
		"NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\nGCC version:  gcc version 12.3.0":                      "535.104.05",
		"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs-builder@U22-I3-AE18-23-3)  Sun Jul 27 07:12:06 UTC 2025": "580.65.06",
		"NVRM version: NVIDIA UNIX x86_64 Kernel Module  390.46  Fri Mar 16 22:24:19 PDT 2018":                                                            "390.46",
	} {
		put("proc/driver/nvidia/version", text)
		if h, err := Find(context.Background(), root); err != nil || h.Driver != want || h.From != "/proc/driver/nvidia/version" || h.GPUs != nil {
			t.Errorf("%+v, %v; want %s", h, err, want)
		}
	}
}

func TestModuleGPUs(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	root := t.TempDir()
	for name, text := range map[string]string{
		"version":                       "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n",
		"gpus/0000:3b:00.0/information": "Model: \t\t Tesla V100-SXM2-16GB\nIRQ:   \t\t 182\nGPU UUID: \t GPU-00000000-0000-0000-0000-000000000000\n",
		"gpus/0000:af:00.0/information": "Model: \t\t NVIDIA A100-SXM4-80GB\nIRQ:   \t\t 183\n",
	} {
		name = filepath.Join(root, "proc/driver/nvidia", name)
		if runtime.GOOS == "windows" {
			t.Skip("a bus address is no name of a folder here")
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	h, err := Find(context.Background(), root)
	want := Host{Driver: "535.104.05", GPUs: []GPU{{Name: "Tesla V100-SXM2-16GB"}, {Name: "NVIDIA A100-SXM4-80GB"}}, From: "/proc/driver/nvidia/version"}
	if d := cmp.Diff(want, h); err != nil || d != "" {
		t.Error(err, d)
	}
}

// smi puts a program into the path.
func smi(t *testing.T, script string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("a program is a script here")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "nvidia-smi"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
}

func TestSMI(t *testing.T) {
	smi(t, `case "$1" in --query-gpu=driver_version,name,compute_cap) echo "580.65.06, NVIDIA H100 80GB HBM3, 9.0"; echo "580.65.06, NVIDIA T4, 7.5";; *) exit 2;; esac`)
	h, err := Find(context.Background(), t.TempDir())
	want := Host{Driver: "580.65.06", GPUs: []GPU{{"NVIDIA H100 80GB HBM3", "9.0"}, {"NVIDIA T4", "7.5"}}, From: "nvidia-smi"}
	if d := cmp.Diff(want, h); err != nil || d != "" {
		t.Error(err, d)
	}
	smi(t, `case "$1" in *compute_cap*) echo 'Field "compute_cap" is not a valid field to query.'; exit 2;; *) echo "450.80.02, Tesla V100-SXM2-16GB";; esac`)
	h, err = Find(context.Background(), t.TempDir())
	if d := cmp.Diff(Host{Driver: "450.80.02", GPUs: []GPU{{Name: "Tesla V100-SXM2-16GB"}}, From: "nvidia-smi"}, h); err != nil || d != "" {
		t.Error(err, d)
	}
	smi(t, `echo "Failed to initialize NVML: Driver/library version mismatch"; exit 18`)
	if _, err = Find(context.Background(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "Driver/library version mismatch") {
		t.Errorf("a driver that is not right: %v", err)
	}
	smi(t, `echo "No devices were found"`)
	if _, err = Find(context.Background(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "No devices were found") {
		t.Errorf("no GPUs: %v", err)
	}
}
