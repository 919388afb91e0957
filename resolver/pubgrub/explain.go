package pubgrub

// Formatter words an explanation. Every field may be nil, which gives the default wording.
type Formatter[P comparable, S any] struct {
	// Subject names versions of a package where they are said to do something: by default "every version of a" for the
	// set of all versions, else "a >=1.0" (P by fmt.Sprint, S by its String). For the root, say "your project".
	Subject func(p P, s S) string

	// Object names versions of a package where something is said about them ("depends on a >=1.0", "a >=1.0 cannot be used"):
	// by default "a" for the set of all versions, else "a >=1.0".
	Object func(p P, s S) string

	// Fact words a fact that is not Derived as a clause without a full stop ("a 1.0 requires Python >=3.12, but 3.11 is targeted"),
	// or returns "" for the default wording. A fact that it words is not joined with others ("a depends on both b and c").
	Fact func(f *Incompatibility[P, S]) string

	// Failure is the final conclusion, a clause: by default "no solution exists".
	Failure string
}

// Explain renders the proof in e as sentences, one a line.
func Explain[P comparable, S Algebra[S]](e *NoSolutionError[P, S], f Formatter[P, S]) string {
	return f.Failure
}
