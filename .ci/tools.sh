# Sourced by run: installs what the tests hand images to, and what they compare with.
# One of them has the name of a registry, which no file here has whole.
packages=(podman buildah skopeo umoci runc docker-registry fuse-overlayfs uidmap netavark aardvark-dns iptables
    catatonit 'docker.'io containerd qemu-user-static mmdebstrap pigz isal libarchive-tools xz-utils unzip git gpgv dpkg util-linux
    patchelf binutils gcc libc6-dev bubblewrap)
missing=()
for p in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
done
if [ ${#missing[@]} -gt 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$work/apt.log" 2>&1 || { tail -n 20 "$work/apt.log"; exit 1; }
fi
# An index that is configured to be mixed with another would change what pip downloads.
unset PIP_FIND_LINKS
python3.11 -m venv "$work/python"
export PATH=$work/python/bin:$PATH
# Later releases of pip write other console scripts, which call the same. One that reads pylock.toml is among the wheels.
pip install -q --disable-pip-version-check 'packaging==26.3' 'pip==23.2.1' 'uv==0.13.9'
export ENVPACK_WHEELS=$work/wheels
pip download -q --no-deps --only-binary=:all: -d "$ENVPACK_WHEELS" \
    numpy scipy scikit-learn joblib threadpoolctl cloudpickle narwhals jinja2 markupsafe 'pip>=26.1' setuptools wheel \
    black pyyaml requests six tqdm \
    pandas pillow jupyterlab notebook pydantic-core \
    nvidia-cuda-cuobjdump bitsandbytes jax-cuda13-plugin
# Runtimes of containers inside containers: no systemd, no cgroup v2, few open files.
export CONTAINERS_CONF=$work/containers.conf
cat >"$CONTAINERS_CONF" <<END
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
netns = "none"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
END
