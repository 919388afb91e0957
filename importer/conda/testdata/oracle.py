"""Writes specs.txt and versions.txt: what conda itself makes of specifications and versions.

    python3 -m venv V && V/bin/pip install conda-lock==4.0.3 && V/bin/python oracle.py

conda-lock has conda's own code in it, which needs no conda.
"""

import logging
import warnings
from pathlib import Path

from conda_lock._vendor.conda.models.match_spec import _parse_spec_str
from conda_lock._vendor.conda.models.version import VersionSpec

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")
HERE = Path(__file__).parent

SPECS = """
numpy
numpy=1.2
numpy=1.2.3
numpy=1.2.*
numpy=1.2*
numpy==1.2
numpy==1.2.*
numpy =1.2
numpy = 1.2
numpy= 1.2
numpy ==1.2
numpy == 1.2
numpy 1.2
numpy 1.2.*
numpy>=1.2
numpy >=1.2
numpy >= 1.2
numpy>=1,<2
numpy >=1.0 , < 2.0
numpy>=1, <2
numpy<2|>3
numpy 1.2|1.3
numpy=1.2|1.3
numpy>1.8,<2|==1.7
numpy!=1.2
numpy!=1.2.*
numpy~=1.2
numpy=1.2=py38_0
numpy=1.2=py38*
numpy==1.2=py38_0
numpy 1.2 py38_0
numpy=1.2 py38_0
numpy =1.2 =py38_0
numpy * openblas_0
numpy=*=openblas_0
numpy=*=*openblas
numpy * *
numpy >=1.0 =py34_0
numpy=
numpy >=1.0,<2.0 py34_0
conda-forge::numpy
conda-forge::numpy=1.2
conda-forge/linux-64::numpy=1.2=py38_0
nvidia/label/cuda-11.8.0::cuda
numpy[version=1.2]
numpy[version='>=1,<2']
numpy[version=">=1,<2", build=py38*]
numpy[version='1.2.*', channel=conda-forge]
numpy[build='py38_0']
pytorch=1.9=*cuda*
pytorch[version='2.0.*', build='*cuda11*']
cudatoolkit=10.
cudatoolkit=10.*
cudatoolkit=11.3
jpeg=9b
jpeg=9b=h024ee3a_2
openssl=1.1.1k=h7f98852_0
_libgcc_mutex=0.1=conda_forge
ld_impl_linux-64=2.35.1=hea4e1c9_2
typing_extensions=3.7.4.3=py_0
python>=3.8, < 3.10
python=3.8.10=h49503c6_1_cpython
tensorflow=2.4.1=gpu_py38h8a7d6ce_0
blas=*=mkl
blas=1.0=mkl
libblas=*=*mkl
NumPy=1.2
numpy=1.2 # a comment
numpy # a comment
backports.functools_lru_cache=1.6.4
python=3.6|3.7
python>=3.6,!=3.6.3
xgboost>=1.0.0,<=1.3.3
r-base=4.0
""".strip("\n").split("\n")

VERSION_SPECS = """
1.2
1.2.*
1.2*
1.2.3.*
1.*
*
=1.2
==1.2
==1.2.0
!=1.2
!=1.2.*
>=1.2
>=1.2.*
>1.2
<2
<=1.2.3
~=1.2
~=1.2.3
>=1.2,<1.3
>=1.2,<2,!=1.2.3
1.2|1.3
1.2.*|1.3.*
1.2.*|1.4.*
1.2|1.2.*
>=1.2|1.0
<1.2|>1.3
(1.2|1.3),<2
1.2,>=1|2.0
10.*
3.6.*|3.7.*|3.8.*
>=1.2,<1.3|>=2,<3
1.2.3,>1
=1.2,<1.2.4
2.0*
""".strip("\n").split("\n")

VERSIONS = ["0.9", "1", "1.0", "1.0.1", "1.1", "1.2", "1.2.0", "1.2.1", "1.2.3", "1.2.4", "1.2.10", "1.20", "1.3", "1.3.0", "1.3.1", "1.4",
            "1.4.2", "1.10", "2.0", "2.0.1", "2.1", "3", "3.0.1", "3.6", "3.6.5", "3.7.7", "3.8.0", "3.9", "9", "10", "10.0", "10.2", "100"]


def main():
    out = []
    for text in SPECS:
        got = _parse_spec_str(text)
        out.append("\t".join([text, *(str(got.get(k, "")) for k in ("name", "version", "build"))]))
    (HERE / "specs.txt").write_text("\n".join(out) + "\n")
    out = [" ".join(["#", *VERSIONS])]
    for text in VERSION_SPECS:
        spec = VersionSpec(text)
        out.append("\t".join([text, "".join("1" if spec.match(v) else "0" for v in VERSIONS)]))
    (HERE / "versions.txt").write_text("\n".join(out) + "\n")


main()
