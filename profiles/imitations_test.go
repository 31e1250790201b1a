//go:build !real

package profiles_test

import "testing"

// imitations are for `make check`, which has fetched and built what they take.
func imitations(*testing.T) []machine { return nil }
