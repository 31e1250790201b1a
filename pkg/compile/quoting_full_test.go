//go:build oracle

package compile_test

const (
	everyText = true
	quickPart = 1
)
