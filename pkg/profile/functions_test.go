package profile_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kubespore/kubespore/pkg/profile"
)

// render evaluates a one-line template as a file of a profile.
func render(t *testing.T, text string, data any) (string, error) {
	t.Helper()
	tree := fstest.MapFS{"p/profile.yaml": {Data: []byte("name: p\nsummary: x\n")}, "p/manifests/x": {Data: []byte(text)}}
	c, list := profile.Load(profile.Source{Name: "P", FS: tree})
	if list.HasErrors() {
		t.Fatal(describeValue(list))
	}
	return c.Lookup("p").Templates["manifests/x"].Execute(data)
}

func TestFunctions(t *testing.T) {
	data := map[string]any{"list": []string{"b", "a", "b"}, "any": []any{1, "x"}, "empty": "", "map": map[string]any{"k": "v", "a": 1}}
	for text, want := range map[string]string{
		`{{ join .list "," }}`:             "b,a,b",
		`{{ .list | join " " }}`:           "b a b",
		`{{ join .any "-" }}`:              "1-x",
		`{{ join (split "a:b" ":") "+" }}`: "a+b",
		`{{ quote "a\"b\n" }}`:             `"a\"b\n"`,
		`{{ hostport "10.0.0.1" 80 }}`:     "10.0.0.1:80",
		`{{ hostport "fd00::1" "80" }}`:    "[fd00::1]:80",
		`{{ nth "10.0.0.0/16" 300 }}`:      "10.0.1.44",
		`{{ nth "10.0.0.0/16" -1 }}`:       "10.0.255.255",
		`{{ nth "10.0.0.77/24" -2 }}`:      "10.0.0.254",
		`{{ nth "fd00::/64" 10 }}`:         "fd00::a",
		`{{ prefixlen "10.0.0.0/16" }}`:    "16",
		`{{ default "x" .empty }}{{ .empty | default "y" }}{{ default "x" "z" }}`: "xyz",
		`{{ has .list "a" }} {{ has "c" .list }} {{ has .map "k" }}`:              "true false true",
		`{{ add 1 2 3 }} {{ sub 1 2 }} {{ mul 3 4 }} {{ div 7 2 }}`:               "6 -1 12 3",
		`{{ toJSON .map }}`:                                                       `{"a":1,"k":"v"}`,
		`{{ replace "a.b" "." "-" }}{{ trim " c " }}`:                             "a-bc",
		`{{ hasPrefix "abc" "ab" }} {{ contains "abc" "b" }}`:                     "true true",
		`{{ trimPrefix "abc" "a" }} {{ trimSuffix "abc" "c" }}`:                   "bc ab",
		`{{ first .list }}{{ last .any }}`:                                        "bx",
		`{{ sort .list }} {{ uniq .list }}`:                                       "[a b b] [b a]",
		`{{ isAddress "::1" }} {{ isAddress "10.0.0.1" }} {{ isAddress "reg1" }}`: "true true false",
		`{{ isIPv6 "::1" }} {{ isIPv6 "1.2.3.4" }}`:                               "true false",
		`{{ dict "a" 1 }}`:                                                        "map[a:1]",
		`{{ concat .list (list 1 2) }}`:                                           "[b a b 1 2]",
		`{{ fields " a  b " }} {{ len (lines "a\nb\n") }}`:                        "[a b] 2",
	} {
		got, err := render(t, text, data)
		if err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", text, got, err, want)
		}
	}
}

// Errors say where in the file and what, without the words of the library.
func TestTemplateErrors(t *testing.T) {
	type inner struct{ Name string }
	data := map[string]any{"Param": map[string]any{}, "X": inner{}, "list": []string{}}
	for text, want := range map[string]string{
		"ok\n{{ .Missing }}":        `P/p/manifests/x:2:4: {{ .Missing }}: there is no "Missing" here`,
		`{{ .X.Nmae }}`:             `P/p/manifests/x:1:6: {{ .X.Nmae }}: there is no field Nmae here`,
		`{{ nth "10.0.0.0/30" 4 }}`: `P/p/manifests/x:1:4: {{ nth "10.0.0.0/30" 4 }}: 10.0.0.0/30 has no address number 4`,
		`{{ nth "a" 4 }}`:           `P/p/manifests/x:1:4: {{ nth "a" 4 }}: "a" is not a CIDR, such as 10.0.0.0/8`,
		`{{ first .list }}`:         `P/p/manifests/x:1:4: {{ first .list }}: first of an empty list`,
		`{{ add 1 "x" }}`:           `P/p/manifests/x:1:4: {{ add 1 "x" }}: "x" is not a whole number`,
		`{{ div 1 0 }}`:             `P/p/manifests/x:1:4: {{ div 1 0 }}: "0" is not a number to divide by`,
		`{{ hostport "a" }}`:        `P/p/manifests/x:1:4: {{ hostport }}: hostport wants 2 values, not 1`,
		`{{ range .X }}{{ end }}`:   `P/p/manifests/x:1:10: {{ .X }}: range needs a list or a map`,
		`{{ dict "a" }}`:            `P/p/manifests/x:1:4: {{ dict "a" }}: dict needs a value for each key`,
	} {
		_, err := render(t, text, data)
		var e *profile.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v is not explained", text, err)
			continue
		}
		if got := e.Position.String() + ": " + e.Message; got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestUses(t *testing.T) {
	tree := func(text string) fstest.MapFS {
		return fstest.MapFS{
			"p/profile.yaml": {Data: []byte("name: p\nsummary: x\nparams: {a: {type: string, doc: x}}\nvars: {v: x, w: y}\n")},
			"p/manifests/x":  {Data: []byte(text)},
			"p/manifests/y":  {Data: []byte("{{ .Param.a }}{{ .Var.v }}{{ .Var.w }}")},
		}
	}
	for text, want := range map[string]profile.Reads{
		`{{ .Cluster.Name }}`:                                          {},
		`{{ .Host.Name }}`:                                             {Host: true},
		`{{ range .Cluster.Hosts }}{{ .Host }}{{ end }}`:               {},
		`{{ range .Cluster.Hosts }}{{ $.Host }}{{ end }}`:              {Host: true},
		`{{ with .Each }}{{ .Name }}{{ end }}`:                         {Each: true},
		`{{ if .Param.a }}{{ .Var.v }}{{ else }}{{ .Var.w }}{{ end }}`: {Vars: []string{"v", "w"}},
		`{{ $x := . }}{{ $x.Host }}`:                                   {Whole: true},
		`{{ toJSON $ }}`:                                               {Whole: true},
		`{{ .VarOf "p" "v" }}{{ .ParamOf "p" "a" }}{{ .Has "p" }}`:     {VarsOf: [][2]string{{"p", "v"}}, ParamsOf: [][2]string{{"p", "a"}}, Has: []string{"p"}},
		`{{ .VarOf "p" (print "v") }}`:                                 {Whole: true},
		`{{ range .Ports }}{{ end }}`:                                  {Collects: true},
		`{{ index .Var "v" }}`:                                         {Whole: true},
		`{{ (join (list .Host.Name) ",") | quote }}`:                   {Host: true},
		`{{ define "t" }}{{ .Host }}{{ end }}{{ template "t" . }}`:     {Host: true, Whole: true},
	} {
		c, list := profile.Load(profile.Source{Name: "P", FS: tree(text)})
		if list.HasErrors() {
			t.Fatal(describeValue(list))
		}
		got := c.Lookup("p").Templates["manifests/x"].Reads
		if !sameReads(got, want) {
			t.Errorf("%s uses %+v, want %+v", text, got, want)
		}
	}
}

func sameReads(a, b profile.Reads) bool {
	return a.Host == b.Host && a.Each == b.Each && a.Collects == b.Collects && a.Whole == b.Whole &&
		strings.Join(a.Vars, ",") == strings.Join(b.Vars, ",") && strings.Join(a.Has, ",") == strings.Join(b.Has, ",") &&
		len(a.VarsOf) == len(b.VarsOf) && len(a.ParamsOf) == len(b.ParamsOf)
}

// A folder of a later layer replaces the earlier one; the digest follows every
// byte that was read.
func TestLayers(t *testing.T) {
	file := func(summary string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("name: p\nsummary: " + summary + "\n")}
	}
	lower := fstest.MapFS{"p/profile.yaml": file("lower"), "p/manifests/x": {}, "versions.yaml": {Data: []byte("all: {a: '1'}\n'1.36': {newest: v1.36.3, b: '2'}\n")}}
	upper := fstest.MapFS{"p/profile.yaml": file("upper"), "versions.yaml": {Data: []byte("'1.36': {c: '3'}\n")}}
	one, _ := profile.Load(profile.Source{Name: "A", FS: lower})
	both, list := profile.Load(profile.Source{Name: "A", FS: lower}, profile.Source{Name: "B", FS: upper})
	if list.HasErrors() {
		t.Fatal(describeValue(list))
	}
	p := both.Lookup("p")
	if p.Summary != "upper" || len(p.Manifests) != 0 || p.Source != "B/p" {
		t.Errorf("the upper layer did not replace the whole folder: %q, %d manifests, %s", p.Summary, len(p.Manifests), p.Source)
	}
	if v, _ := both.Version("1.36"); v.Newest != "v1.36.3" || v.Values["a"] != "1" || v.Values["b"] != "2" || v.Values["c"] != "3" {
		t.Errorf("the rows of versions.yaml did not add up: %+v", v)
	}
	again, _ := profile.Load(profile.Source{Name: "A", FS: lower})
	if one.Digest != again.Digest || one.Digest == both.Digest {
		t.Error("the digest does not follow the files")
	}
}
