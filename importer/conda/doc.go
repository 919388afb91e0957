// Package conda reads what conda and pixi describe environments with, and says what there is of it for an image: packages of the
// index for Python, packages of the distribution, a version of CUDA, and what is left or means nothing.
//
// It asks nobody. What conda's packages are elsewhere are facts (facts.toml, names.txt), and where no fact says otherwise, a
// Python package has the same name on the index; whether the index has it, resolving will tell. What is no package of Python is
// known by name, by the form of its name, or by its build, which names the Python that a package was built for.
//
// Every version that a requirement allows is one that conda's own specification allows: bounds become narrower where PEP 440 has
// no words for them, and never wider, but for what a comment on the requirement says.
package conda
