package topology

import (
	"fmt"
	"testing"
)

// TestExternalAddresses: they count up with the names of a range, and are a column.
func TestExternalAddresses(t *testing.T) {
	top := parse(t, head+`  - {names: "w[1-2]", roles: [worker], addresses: 192.168.201.1+/22, externalAddresses: [203.0.113.255+, "2001:db8::ff+"]}`+"\n")
	file, problems := Parse("t.yaml", []byte(head+"  - {from: machines.csv, roles: [worker]}\n"), reading("name;address;externalAddresses\nw1;192.168.201.1/22;203.0.113.7 2001:db8::7\nw2;192.168.201.2/22;\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for name, c := range map[string]struct {
		got  *Topology
		want string
	}{"range": {top, "[203.0.113.255 2001:db8::ff] [203.0.114.0 2001:db8::100]"}, "column": {file, "[203.0.113.7 2001:db8::7] []"}} {
		if got := fmt.Sprint(c.got.Hosts[1].External, c.got.Hosts[2].External); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
