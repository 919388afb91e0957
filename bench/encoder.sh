#!/usr/bin/env bash
# encoder.sh: the frozen encoder on the files of Debian: speed, and size against `gzip -6`, in one run.
#
# The input is the tar of the base layer of examples/digits, so its lock names every byte of it. The layer is
# built with the store of ENVPACK_CACHE, or the user's.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go run ./cmd/envpack build -q examples/digits -o oci:"$work/oci" >"$work/digest"
blob() { echo "$work/oci/blobs/sha256/$1"; }
manifest=$(blob "$(sed 's/^sha256://' "$work/digest")")
base=$(tr ',' '\n' <"$manifest" | sed -n '/"layers"/,$s/.*"digest":"sha256:\([0-9a-f]*\)".*/\1/p' | head -n 1)
gunzip -c "$(blob "$base")" >"$work/base.tar"
echo "base layer: $(stat -c %s "$work/base.tar") bytes"
export DEFLATE_BENCH_FILE=$work/base.tar
go test ./internal/deflate -run '^$' -bench '^BenchmarkDeflate$' -benchtime 3x | grep Benchmark
began=$(date +%s.%N)
gzip=$(gzip -6 -c "$work/base.tar" | wc -c)
ended=$(date +%s.%N)
awk -v b="$began" -v e="$ended" -v n="$gzip" -v s="$(stat -c %s "$work/base.tar")" \
    'BEGIN { printf "gzip -6: %d bytes, %.1f MB/s\n", n, s / (e - b) / 1e6 }'
