package media

import _ "embed" // the script

//go:embed bake.sh
var bake string

// Bake gives the script that makes a golden image of a stock image.
func Bake() string { return bake }
