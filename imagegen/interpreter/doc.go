// Package interpreter turns an archive of a relocatable CPython into the entries of a layer: a tar.gz, tar.zst or
// tar.xz in the form of python-build-standalone's "install_only" archives, whose one top folder (its name does not
// matter) has bin/python3.N, lib/python3.N with the standard library, include/python3.N and, for those that have
// one, lib/libpython3.N.so.1.0. Of a free-threaded build all these are called python3.Nt. It comes to lie under [Prefix].
//
// [Read] makes one pass. It tells the interpreter's full version (by patchlevel.h, as the compiler of an extension
// would see it), holds its binaries to the wanted architecture, and says which shared libraries, which of the C libraries
// glibc and musl, and which glibc they need of the image. Nothing of the archive is run.
//
// What becomes of the archive's files ([Format] names these rules):
//   - Modes are 0755 for folders and what its owner may execute, 0644 else; everything belongs to 0:0; folders that
//     the archive only implies are there.
//   - Left out, and listed in [Interpreter].Dropped: __pycache__ folders, whose files hold times of files that an
//     image does not keep, so that Python would not use them; static libraries (*.a), of which libpython's alone has
//     the size of the rest and which only programs that embed Python could link. All else stays: test suite,
//     headers, pip if it is there, and EXTERNALLY-MANAGED as it is (neither added nor taken away: what the image
//     installs lies in an environment of its own).
//   - bin/python3 and bin/python are added where they are missing.
//   - The folder for which the interpreter was built ("prefix" of _sysconfigdata; /install in python-build-standalone)
//     is replaced by [Prefix] in the texts that tell others of it: _sysconfigdata, _sysconfig_vars and build-details
//     (what sysconfig answers), the Makefile and python-config.py beside it, lib/pkgconfig, and scripts in bin. In the
//     first of these, compilers by which python-build-standalone was built and which no distribution has under their
//     names are replaced by cc, c++ and ar, as uv does. Binaries are not touched: Python finds its library by the
//     place of its program.
//
// The archive's hash is the caller's to check. The package finds and fetches no archives (resolver/interpreter has
// the index), and adds no links outside of [Prefix].
//
// Invariants: the entries are a function of the archive alone, sorted, with all parents, and all below [Prefix] but its
// parents; no symlink leads out of [Prefix].
package interpreter
