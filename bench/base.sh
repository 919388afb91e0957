#!/usr/bin/env bash
# base.sh [ROUNDS]: the layers of a Python base from a store that has its packages and nothing that was derived
# from them, against `dpkg-deb --fsys-tarfile` over the same packages, which only unpacks them; then the same from
# a store that knows the layers. The store stays in ENVPACK_BENCH (default: a folder beside the user's cache).
set -euo pipefail
cd "$(dirname "$0")/.."
here=${ENVPACK_BENCH:-${XDG_CACHE_HOME:-$HOME/.cache}/envpack-bench}
mkdir -p "$here"
go build -o "$here/envpack" ./cmd/envpack
export ENVPACK_CACHE=$here/store-base
rm -rf "$here/base"
mkdir -p "$here/base"
printf '[project]\nname = "base"\npython = "3.11"\n\n[system]\npockets = ["release"]\n\n[image]\ninclude = ["main.py"]\n' >"$here/base/envpack.toml"
echo 'print("base")' >"$here/base/main.py"
"$here/envpack" build -q "$here/base" >"$here/digest"
rm -rf "$here/seed-base"
mkdir -p "$here/seed-base"
cp "$ENVPACK_CACHE/format" "$here/seed-base/"
debs=()
for sum in $(grep -o '^sha256 = "[0-9a-f]*"' "$here/base/envpack.lock" | cut -d '"' -f 2); do
    blob=blobs/sha256/${sum:0:2}/$sum
    mkdir -p "$here/seed-base/$(dirname "$blob")"
    ln "$ENVPACK_CACHE/$blob" "$here/seed-base/$blob"
    debs+=("$ENVPACK_CACHE/$blob")
done
du -cL "${debs[@]}" | tail -n 1 | awk -v n="${#debs[@]}" '{ printf "%d packages, %.1f MB\n", n, $1 * 1024 / 1e6 }'
printf '%s\n' "${debs[@]}" >"$here/debs"
fresh="rm -rf $here/fresh $here/layout && cp -rl $here/seed-base $here/fresh"
python3 bench/measure.py "${1:-3}" \
    "dpkg-deb --fsys-tarfile=while read -r d; do dpkg-deb --fsys-tarfile \$d >/dev/null; done <$here/debs" \
    "envpack build, packages cached=$fresh ::: $here/envpack build -q $here/base --cache-dir $here/fresh" \
    "envpack build -o oci:, the same=$fresh ::: $here/envpack build -q $here/base --cache-dir $here/fresh -o oci:$here/layout" \
    "envpack build, layers known=$here/envpack build -q $here/base --cache-dir $here/fresh" \
    "envpack build -o oci:, the same,=rm -rf $here/layout ::: $here/envpack build -q $here/base --cache-dir $here/fresh -o oci:$here/layout"
rm -rf "$here/fresh" "$here/layout"
