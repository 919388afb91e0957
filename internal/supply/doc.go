// Package supply brings together what a command needs from outside: the package indexes, the
// distribution's archives, and the store that keeps what came from them.
//
// Before the lock it answers the resolver; after it, it finds the bytes that the lock names, by
// name where they may be and by hash what they must be. It decides nothing about versions.
package supply
