// Package pubgrub finds versions of packages that satisfy each other's dependencies, or explains why there are none.
package pubgrub
