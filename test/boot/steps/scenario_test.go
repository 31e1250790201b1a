package steps

import (
	"testing"
)

func TestUnknownStep(t *testing.T) {
	for _, step := range []string{"", "reday", "ready1", "power-on", "console-shows cp1", "lose-folder cp1"} {
		if _, _, err := VerbOf(step); err == nil {
			t.Errorf("%q is taken for a step", step)
		}
	}
}
