package cluster

import (
	"os"
	"strings"
	"testing"
)

// What obey types is what the guard asks for.
func TestAsked(t *testing.T) {
	script, err := os.ReadFile("../../../../profiles/etcd/files/kubespore-etcd-guard.raw")
	if err != nil {
		t.Fatal(err)
	}
	found := asked.FindAllStringSubmatch(string(script), -1)
	if len(found) == 0 {
		t.Fatal("the guard asks for nothing that the lab understands")
	}
	for _, f := range found {
		if !strings.HasPrefix(f[1], "etcdctl member ") {
			t.Errorf("asks for %q", f[1])
		}
	}
}
