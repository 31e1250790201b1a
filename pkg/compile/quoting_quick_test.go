//go:build !oracle

package compile_test

// Of the texts each place gets some, so that every text and every place is tried;
// with the tag oracle each gets all.
const (
	everyText = false
	quickPart = 30
)
