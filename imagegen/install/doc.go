// Package install says what a wheel becomes when it is installed: the files, their places and modes,
// the scripts of its entry points, and its RECORD, as PyPA's binary distribution format and recording
// of installed projects ask. Where these leave a choice, it is pip's, so that an image holds what
// `pip install --no-deps --no-compile` makes of the same wheel; the texts of INSTALLER and of
// entry points' scripts are the only differences.
//
// [Plan] makes an [Installed] from a wheel. Nothing is unpacked: contents stay ranges of the wheel.
// Several wheels of one environment go through [Settle], so that no two own one path.
//
// The package neither compiles, nor writes REQUESTED, nor writes direct_url.json,
// nor judges tags and requirements.
//
// Invariants: every path lies below the layout's prefix and none replaces the interpreter or
// pyvenv.cfg; files are 0644 or 0755 of 0:0; RECORD lists every file with its true hash and size, once the
// deviations that writing the layer found are amended; nothing depends on the order of the wheel's members.
package install
