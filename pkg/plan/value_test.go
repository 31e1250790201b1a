package plan_test

import (
	"reflect"
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
