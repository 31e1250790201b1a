// Prints the fields of the configuration files that Kubernetes components
// read, each kind in the newest version that the release serves.
package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	apiserverv1 "k8s.io/apiserver/pkg/apis/apiserver/v1"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	proxyv1alpha1 "k8s.io/kube-proxy/config/v1alpha1"
	schedulerv1 "k8s.io/kube-scheduler/config/v1"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
)

func main() {
	for _, object := range []any{
		kubeletv1beta1.KubeletConfiguration{},
		proxyv1alpha1.KubeProxyConfiguration{},
		schedulerv1.KubeSchedulerConfiguration{},
		apiserverv1.AdmissionConfiguration{},
		apiserverv1.AuthenticationConfiguration{},
		apiserverv1.AuthorizationConfiguration{},
		apiserverv1.EncryptionConfiguration{},
		auditv1.Policy{},
	} {
		t := reflect.TypeOf(object)
		walk(t.Name(), "", t)
	}
}

// walk prints the path of every field of a struct, of those that hold others
// too. What is inside the elements of a list or the values of a map follows
// `[]`; the keys of a map are the user's.
func walk(kind, prefix string, t reflect.Type) {
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-":
			continue
		case name == "" && (field.Anonymous || strings.Contains(options, "inline")):
			walk(kind, prefix, field.Type)
			continue
		case name == "":
			name = field.Name
		}
		path := prefix + name
		fmt.Println("field", kind, path)
		if inner, below := element(field.Type, path); inner != nil {
			walk(kind, below+".", inner)
		}
	}
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// element is the struct to be found in a value of type t, and the path to it;
// nil where there is none, or where the type decodes itself, such as a
// duration: from outside that is one value.
func element(t reflect.Type, path string) (reflect.Type, string) {
	for {
		if reflect.PointerTo(t).Implements(unmarshaler) {
			return nil, ""
		}
		switch t.Kind() {
		case reflect.Struct:
			return t, path
		case reflect.Slice, reflect.Array, reflect.Map:
			path += "[]"
		case reflect.Pointer:
		default:
			return nil, ""
		}
		t = t.Elem()
	}
}
