// Package diag is how kubespore says that something is wrong: a position in a
// file, a message in the user's words, and a hint that says what to type.
//
// Everything above reports through a [List]; nothing stops at the first
// mistake. The package imports the standard library only, so that every other
// package may import it.
package diag
