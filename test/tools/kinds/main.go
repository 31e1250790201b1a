// Prints what the API server of one Kubernetes release serves and demands, from
// the discovery document and the OpenAPI that the release itself carries:
//
//	kinds FOLDER    FOLDER is the release's module, k8s.io/kubernetes
//
// One fact per line, sorted:
//
//	served GROUP/VERSION KIND    a kind that is served by default
//	off GROUP/VERSION KIND       one that is served when runtime-config turns it on
//	required TYPE FIELD...       fields that an object of the type must have
//	absent TYPE FIELD...         fields of the Go types linked here, which are those
//	                             of the newest release, that this one does not have
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"k8s.io/client-go/kubernetes/scheme"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: kinds FOLDER")
	}
	lines, err := facts(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Join(lines, "\n"))
}

func facts(folder string) ([]string, error) {
	lines, err := kinds(filepath.Join(folder, "api/discovery/aggregated_v2.json"), filepath.Join(folder, "api/discovery/api__v1.json"))
	if err != nil {
		return nil, err
	}
	schemas, err := definitions(filepath.Join(folder, "api/openapi-spec/v3/*.json"))
	if err != nil {
		return nil, err
	}
	for name, s := range schemas {
		if len(s.Required) > 0 {
			slices.Sort(s.Required)
			lines = append(lines, "required "+name+" "+strings.Join(s.Required, " "))
		}
	}
	lines = append(lines, absent(schemas)...)
	slices.Sort(lines)
	return slices.Compact(lines), nil
}

// stable versions are served by default, and no others.
var stable = regexp.MustCompile(`^v[0-9]+$`)

// kinds reads the groups, and the core group, which has no name.
func kinds(groups, core string) ([]string, error) {
	var aggregated struct {
		Items []struct {
			Metadata struct{ Name string }
			Versions []struct {
				Version   string
				Resources []struct {
					ResponseKind struct{ Kind string }
					Verbs        []string
				}
			}
		}
	}
	var list struct {
		Resources []struct {
			Name, Kind string
			Verbs      []string
		}
	}
	if err := read(groups, &aggregated); err != nil {
		return nil, err
	}
	if err := read(core, &list); err != nil {
		return nil, err
	}
	var out []string
	for _, r := range list.Resources {
		if !strings.Contains(r.Name, "/") && slices.Contains(r.Verbs, "create") {
			out = append(out, "served v1 "+r.Kind)
		}
	}
	for _, g := range aggregated.Items {
		for _, v := range g.Versions {
			how := "off"
			if stable.MatchString(v.Version) {
				how = "served"
			}
			for _, r := range v.Resources {
				if slices.Contains(r.Verbs, "create") {
					out = append(out, fmt.Sprintf("%s %s/%s %s", how, g.Metadata.Name, v.Version, r.ResponseKind.Kind))
				}
			}
		}
	}
	return out, nil
}

type schema struct {
	Required   []string
	Properties map[string]any
}

// typeName gives apps/v1.Deployment for io.k8s.api.apps.v1.Deployment.
var typeName = regexp.MustCompile(`^io\.k8s\.(?:api|apimachinery\.pkg\.apis)\.([a-z]+)\.(v[a-z0-9]+)\.([A-Za-z0-9]+)$`)

func definitions(pattern string) (map[string]schema, error) {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	out := map[string]schema{}
	for _, name := range files {
		var doc struct {
			Components struct{ Schemas map[string]schema }
		}
		if err := read(name, &doc); err != nil {
			return nil, err
		}
		for name, s := range doc.Components.Schemas {
			if m := typeName.FindStringSubmatch(name); m != nil {
				out[m[1]+"/"+m[2]+"."+m[3]] = s
			}
		}
	}
	return out, nil
}

// absent walks the Go types of all kinds.
func absent(schemas map[string]schema) (out []string) {
	seen := map[reflect.Type]bool{}
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || seen[t] {
			return
		}
		seen[t] = true
		path := strings.Split(t.PkgPath(), "/")
		name := strings.Join(path[max(0, len(path)-2):], "/") + "." + t.Name()
		s, known := schemas[name]
		var missing []string
		for i := range t.NumField() {
			f := t.Field(i)
			key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if _, ok := s.Properties[key]; known && len(s.Properties) > 0 && key != "" && key != "-" && !ok {
				missing = append(missing, key)
			}
			walk(f.Type)
		}
		if len(missing) > 0 {
			slices.Sort(missing)
			out = append(out, "absent "+name+" "+strings.Join(missing, " "))
		}
	}
	for _, t := range scheme.Scheme.AllKnownTypes() {
		walk(t)
	}
	return out
}

func read(name string, into any) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
