// Package release makes a release as `make release` does, twice, and installs its
// packages into roots that have nothing else of ours.
package release
