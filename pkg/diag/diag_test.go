package diag

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
)

// two is a list in the wrong order, with a repeat.
func two() List {
	var l List
	l.Warnf("T002", Position{"a.yaml", 2, 5}, "network", "no name server").WithHint("add %s", "nameservers")
	l.Errorf("T001", Position{"a.yaml", 1, 8}, "hosts[0].address", "%q is not an IP address", "x").
		WithRelated(Position{"a.yaml", 2, 1}, "first used here")
	l.Errorf("T001", Position{"a.yaml", 1, 8}, "hosts[0].address", "%q is not an IP address", "x")
	return l
}

func TestPrint(t *testing.T) {
	for _, test := range []struct {
		name string
		p    Printer
		list List
		want string
	}{
		{"with excerpts", Printer{ReadFile: func(string) ([]byte, error) { return []byte("names: x, y\n\tnet: {}\n"), nil }}, two(), `
a.yaml:1:8: error: hosts[0].address: "x" is not an IP address [T001]
    1 | names: x, y
      |        ^
  see: a.yaml:2:1: first used here
a.yaml:2:5: warning: network: no name server [T002]
    2 |  net: {}
      |     ^
  hint: add nameservers
`},
		{"file gone", Printer{ReadFile: func(string) ([]byte, error) { return nil, fs.ErrNotExist }}, two()[1:2], `
a.yaml:1:8: error: hosts[0].address: "x" is not an IP address [T001]
  see: a.yaml:2:1: first used here
`},
		{"past the end", Printer{ReadFile: func(string) ([]byte, error) { return []byte("one"), nil }}, List{{Code: "T9", Position: Position{"a", 7, 1}, Message: "m"}}, "\na:7:1: error: m [T9]\n"},
		{"of no file", Printer{}, List{{Code: "V9", Severity: Warning, Message: "m"}}, "\nwarning: m [V9]\n"},
		{"rendered", Printer{}, List{*(&Diagnostic{Code: "R9", Position: Position{"host.bu", 3, 4}, Message: "m"}).WithSource("a\tbé c")}, "\nhost.bu:3:4: error: m [R9]\n    3 | a bé c\n      |    ^\n"},
		{"in colour", Printer{Color: true}, List{{Code: "V9", Message: "m", Hint: "h"}}, "\n\x1b[31merror:\x1b[0m m [V9]\n  \x1b[36mhint:\x1b[0m h\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b strings.Builder
			test.p.Print(&b, test.list)
			if got := "\n" + b.String(); got != test.want {
				t.Errorf("got:%swant:%s", got, test.want)
			}
		})
	}
}

func TestList(t *testing.T) {
	l := two()
	if errors, warnings := l.Counts(); errors != 2 || warnings != 1 || !l.HasErrors() {
		t.Errorf("%d errors, %d warnings", errors, warnings)
	}
	if List(nil).HasErrors() || l[:1].HasErrors() {
		t.Error("a list without errors has some")
	}
	text, err := json.Marshal(l[0])
	if want := `{"severity":"warning","code":"T002","position":{"file":"a.yaml","line":2,"column":5},"path":"network","message":"no name server","hint":"add nameservers"}`; err != nil || string(text) != want {
		t.Errorf("%s (%v)\nwant %s", text, err, want)
	}
}

func TestPosition(t *testing.T) {
	for want, p := range map[string]Position{"": {}, "a": {File: "a"}, "a:2": {"a", 2, 0}, "a:2:3": {"a", 2, 3}} {
		if p.String() != want {
			t.Errorf("%v, want %s", p, want)
		}
	}
	order := []Position{{"a", 1, 2}, {"a", 1, 3}, {"a", 2, 1}, {"b", 0, 0}}
	for i := range order[1:] {
		if order[i].Before(order[i+1]) >= 0 || order[i+1].Before(order[i]) <= 0 {
			t.Errorf("%v does not come before %v", order[i], order[i+1])
		}
	}
}

func TestSuggest(t *testing.T) {
	names := []string{"address", "gateway", "hosts", "mac", "name", "names"}
	for name, want := range map[string]string{"adress": "address", "gatway": "gateway", "hsots": "hosts", "NAME": "name", "mca": "mac", "zebra": "", "": ""} {
		if got := Suggest(name, names); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// TestLongLines prints a mistake at the start, in the middle and at the end of a
// line of hundreds of kilobytes: a window of it, with the caret below the right word.
func TestLongLines(t *testing.T) {
	line := "first: 1, " + strings.Repeat("é", 1<<16) + " wrong, " + strings.Repeat("x", 1<<16) + " last"
	for text, column := range map[string]int{"first:": 1, "wrong": 10 + 1<<16 + 2, "last": 10 + 1<<16 + 8 + 1<<16 + 2, "": 0} {
		var b strings.Builder
		var list List
		list.Errorf("X001", Position{"a", 1, column}, "", "no")
		Printer{ReadFile: func(string) ([]byte, error) { return []byte(line), nil }}.Print(&b, list)
		if b.Len() > 2000 {
			t.Fatalf("%d bytes for one mistake", b.Len())
		}
		printed := strings.Split(b.String(), "\n")
		if column == 0 {
			continue
		}
		under := strings.IndexByte(printed[2], '^')
		if at := string([]rune(printed[1])[under:]); !strings.HasPrefix(at, text) || strings.Count(printed[2], "^") != len(text) {
			t.Errorf("the caret stands below %.20q with %d characters, want %q", at, strings.Count(printed[2], "^"), text)
		}
	}
}
