// Package pysource reads Python source, of Python 2 and 3 alike, without running anything: its tokens, the imports of a file and
// where they stand, and values that can be told without a program's state.
//
// It judges no syntax: what both languages write is read, and a file that neither would take gives tokens as far as they go, and
// a [SyntaxError]. What it reads is as long as [MaxSize] at most, and what it keeps of that is bounded.
package pysource
