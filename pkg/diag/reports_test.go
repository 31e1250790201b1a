package diag

import (
	"strings"
	"testing"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
)

// reported has what is awkward: several files, a place that is a file alone,
// none at all, and characters that mean something to a reader.
func reported() List {
	var list List
	list.Errorf("T010", Position{File: "a b/prod.yaml", Line: 3, Column: 5}, "cluster.name", "\"P\" is 100%% not a label").WithHint("write p\nor q")
	list.Warnf("P066", Position{File: "x,y:z.yaml", Line: 7}, "", "the tag floats").WithRelated(Position{File: "x,y:z.yaml", Line: 2, Column: 1}, "named here")
	list.Errorf("O101", Position{File: "absent.yaml"}, "", "cannot be read")
	list.Errorf("O103", Position{}, "", "interrupted")
	return list
}

// TestSARIF reads what is written as a reader of SARIF does.
func TestSARIF(t *testing.T) {
	var b strings.Builder
	if err := WriteSARIF(&b, reported()); err != nil {
		t.Fatal(err)
	}
	report, err := sarif.FromString(b.String())
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if report.Version != "2.1.0" || len(report.Runs) != 1 {
		t.Fatalf("version %s, %d runs", report.Version, len(report.Runs))
	}
	run := report.Runs[0]
	if *run.Tool.Driver.Name != "kubespore" || len(run.Tool.Driver.Rules) != 4 {
		t.Errorf("the driver is %+v", run.Tool.Driver)
	}
	got := map[string]*sarif.Result{}
	for _, r := range run.Results {
		got[*r.RuleID] = r
	}
	name := got["T010"]
	if name.Level != "error" || *name.Message.Text != "cluster.name: \"P\" is 100% not a label\nhint: write p\nor q" {
		t.Errorf("T010: %s %s", name.Level, *name.Message.Text)
	}
	place := name.Locations[0].PhysicalLocation
	if *place.ArtifactLocation.URI != "a%20b/prod.yaml" || *place.Region.StartLine != 3 || *place.Region.StartColumn != 5 {
		t.Errorf("T010 is at %s", b.String())
	}
	if tag := got["P066"]; tag.Level != "warning" || *tag.Locations[0].PhysicalLocation.Region.StartColumn != 1 || *tag.RelatedLocations[0].Message.Text != "named here" {
		t.Errorf("P066: %s", b.String())
	}
	if file := got["O101"]; file.Locations[0].PhysicalLocation.Region != nil {
		t.Errorf("O101 has a line: %s", b.String())
	}
	if none := got["O103"]; len(none.Locations) != 0 {
		t.Errorf("O103 has a place: %s", b.String())
	}
}

// TestGitHub holds the form that the runner of GitHub Actions reads: see its
// ActionCommand, which ends a property at a comma and the properties at ::.
func TestGitHub(t *testing.T) {
	var b strings.Builder
	WriteGitHub(&b, reported())
	want := `::error title=O103::interrupted
::error file=a b/prod.yaml,line=3,col=5,title=T010::cluster.name: "P" is 100%25 not a label%0Ahint: write p%0Aor q
::error file=absent.yaml,title=O101::cannot be read
::warning file=x%2Cy%3Az.yaml,line=7,title=P066::the tag floats
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}
