# wheels.sh EXAMPLE, for the scripts beside it: builds envpack and the example, for which it downloads what is missing. Gives $here, a
# folder that stays, with envpack, project, and seed, a store that has the lock's files and nothing else; and $wheels, the wheels among these.
here=${ENVPACK_BENCH:-${XDG_CACHE_HOME:-$HOME/.cache}/envpack-bench}
mkdir -p "$here"
go build -o "$here/envpack" ./cmd/envpack
export ENVPACK_CACHE=$here/store
rm -rf "$here/project" "$here/seed"
cp -r "examples/$1" "$here/project"
"$here/envpack" build -q "$here/project" >"$here/digest"
mkdir -p "$here/seed"
cp "$ENVPACK_CACHE/format" "$here/seed/"
wheels=()
for sum in $(grep -o '^sha256 = "[0-9a-f]*"' "$here/project/envpack.lock" | cut -d '"' -f 2); do
    blob=blobs/sha256/${sum:0:2}/$sum
    mkdir -p "$here/seed/${blob%/*}"
    ln "$ENVPACK_CACHE/$blob" "$here/seed/$blob"
    [ "$(head -c 2 "$ENVPACK_CACHE/$blob")" != PK ] || wheels+=("$ENVPACK_CACHE/$blob")
done
du -cL "${wheels[@]}" | tail -n 1 | awk -v n="${#wheels[@]}" '{ printf "%d wheels, %.2f GB\n", n, $1 * 1024 / 1e9 }'
