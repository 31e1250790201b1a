package topology

import (
	"os"
	"strings"
	"testing"
)

// TestAnnotationsFit: more annotations than the API server takes are refused at their line.
func TestAnnotationsFit(t *testing.T) {
	text, err := os.ReadFile("../../testdata/good/annotations.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for bytes, want := range map[int]int{mostAnnotations - 1000: 0, mostAnnotations: 1} {
		large := strings.Replace(string(text), "example.org/owner: \"storage team\"", "example.org/owner: "+strings.Repeat("a", bytes), 1)
		_, list := Parse("large.yaml", []byte(large), testKnown)
		if len(list) != want {
			t.Errorf("%d bytes: %v", bytes, list)
		}
		for _, d := range list {
			if d.Code != codeLabel || d.Position.Line == 0 {
				t.Errorf("%+v", d)
			}
		}
	}
}
