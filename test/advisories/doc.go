// Package advisories holds what the Go vulnerability database says of the modules that
// kubespore is made of, for where that database cannot be reached.
package advisories
