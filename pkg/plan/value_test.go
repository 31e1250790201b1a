package plan_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/plan"
)

// TestPlanIsAValue walks all types that a plan is made of: none leads back into
// its making, so that a plan can be compared, printed and built by hand.
func TestPlanIsAValue(t *testing.T) {
	own := reflect.TypeFor[plan.Plan]().PkgPath()
	seen := map[reflect.Type]bool{}
	var walk func(t reflect.Type, path string)
	walk = func(of reflect.Type, path string) {
		if seen[of] {
			return
		}
		seen[of] = true
		switch of.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array:
			walk(of.Elem(), path)
		case reflect.Map:
			walk(of.Key(), path)
			walk(of.Elem(), path)
		case reflect.Struct:
			if of.PkgPath() != own {
				return
			}
			for i := range of.NumField() {
				field := of.Field(i)
				if !field.IsExported() {
					t.Errorf("%s.%s is hidden", path, field.Name)
				}
				walk(field.Type, path+"."+field.Name)
			}
		}
	}
	walk(reflect.TypeFor[plan.Plan](), "Plan")
	if len(seen) < 30 {
		t.Errorf("only %d types were looked at", len(seen))
	}
}

// TestStagesAreSmall counts the methods of each type: planning is a row of stages,
// and not one object that does everything.
func TestStagesAreSmall(t *testing.T) {
	const most = 25
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	methods := map[string]int{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv != nil {
				of := f.Recv.List[0].Type
				if pointer, ok := of.(*ast.StarExpr); ok {
					of = pointer.X
				}
				methods[of.(*ast.Ident).Name]++
			}
		}
	}
	for name, n := range methods {
		if n > most {
			t.Errorf("%s has %d methods, and may have %d", name, n, most)
		}
	}
	if len(methods) < 10 {
		t.Errorf("only %d types with methods were found", len(methods))
	}
}
