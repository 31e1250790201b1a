package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// mostMethods is how many methods a type may have: work is a row of stages, and not
// one object that does everything.
const mostMethods = 25

// largeTypes may have more, up to the number given: each is one reader of one file
// format, one list of rules, or one folder on a disk.
var largeTypes = map[string]int{
	"pkg/compile.pipe":     29, // the stages of a build, in their order
	"pkg/pki.Store":        43, // all that reads and writes the folder of keys
	"pkg/topology.checker": 45, // a rule is a method
	"pkg/topology.decoder": 33, // reads a topology
}

// TestFloorsHaveSmallTypes counts the methods of each type below pkg and cmd.
func TestFloorsHaveSmallTypes(t *testing.T) {
	methods := map[string]int{}
	for _, folder := range productFolders(t) {
		files, err := filepath.Glob(filepath.Join("../..", folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				countMethods(t, folder, file, methods)
			}
		}
	}
	for name, n := range methods {
		if most := max(mostMethods, largeTypes[name]); n > most {
			t.Errorf("%s has %d methods, and may have %d: divide it", name, n, most)
		}
	}
	for name := range largeTypes {
		if methods[name] == 0 {
			t.Errorf("there is no type %s: take it out of the table", name)
		}
	}
	if len(methods) < 100 {
		t.Errorf("only %d types with methods were found", len(methods))
	}
}

func countMethods(t *testing.T, folder, file string, methods map[string]int) {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range tree.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Recv == nil {
			continue
		}
		of := f.Recv.List[0].Type
		if pointer, ok := of.(*ast.StarExpr); ok {
			of = pointer.X
		}
		if generic, ok := of.(*ast.IndexExpr); ok {
			of = generic.X
		}
		if name, ok := of.(*ast.Ident); ok {
			methods[folder+"."+name.Name]++
		}
	}
}
