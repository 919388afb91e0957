// Package maintscript reads Debian maintainer scripts (Policy, chapter 6) and says what they would do.
//
// Nothing is executed. A script is parsed as POSIX shell and walked as `postinst configure` of a first
// installation would be: variables, functions, loops and conditions are followed as far as they are known,
// and where a condition is not known both ways are. Each command that the shell would have to start is handed
// to a [System], which answers with what it knows and judges by [EffectOf] what nobody reproduces.
//
// It does not know packages by name, and it changes nothing by itself. What cannot be read (other languages,
// programs, syntax of other shells) is a [Finding], never skipped. The walk is bounded in steps and depth.
package maintscript
