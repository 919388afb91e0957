// Command envpack packages ML environments as images that anyone can rebuild bit for bit.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
