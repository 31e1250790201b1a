package topology

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// reading knows one file.
func reading(text string) Known {
	known := testKnown
	known.Read = func(name string) ([]byte, error) {
		if name != "machines.csv" {
			return nil, errors.New("no such file")
		}
		return []byte(text), nil
	}
	return known
}

// TestFleetOfAFile: 300 bonded machines, each with a VLAN for storage and the
// port that it boots by, in few lines and a file.
func TestFleetOfAFile(t *testing.T) {
	const fleet = head + `  - from: machines.csv
    roles: [worker]
    gateway: 192.168.200.1
    labels: {example.org/site: north}
    columns: {name: Hostname, address: Address, serial: Serial, labels.topology.kubernetes.io/zone: Rack, interfaces.eno1.mac: PXE MAC, interfaces.storage.addresses: Storage}
    interfaces:
      - {name: eno1}
      - {name: eno2}
      - {name: bond0, kind: bond, members: [eno1, eno2], primary: true}
      - {name: storage, kind: vlan, link: bond0, vlan: 12, mtu: 9000}
`
	rows := []string{"Serial;Hostname;Address;Storage;Rack;PXE MAC;Owner"}
	for i := 1; i <= 300; i++ {
		rows = append(rows, fmt.Sprintf("%05d;w%03d;192.168.%d.%d/22;10.12.%d.%d/16;r%d;52:54:00:00:%02X:%02X;\"ops; days\"", i, i, 201+i/200, 1+i%200, i/200, 1+i%200, i%3, i/256, i%256))
	}
	text := strings.Join(rows, "\r\n")
	got, list := Parse("plant/t.yaml", []byte(fleet), reading(text))
	if len(list) > 0 || len(got.Hosts) != 301 {
		t.Fatalf("%d hosts\n%v", len(got.Hosts), list)
	}
	h := got.Hosts[257]
	storage := h.Interfaces[3]
	if h.Name != "w257" || h.Serial != "00257" || h.MAC != "52:54:00:00:01:01" || h.Addresses[0].String() != "192.168.202.58/22" || storage.Addresses[0].String() != "10.12.1.58/16" || storage.MTU != 9000 ||
		h.Labels["topology.kubernetes.io/zone"] != "r2" || h.Labels["example.org/site"] != "north" || h.Gateways[0].String() != "192.168.200.1" {
		t.Errorf("%+v", h)
	}
	if at := got.At(h.Path + ".serial").String(); at != "plant/machines.csv:258:1" {
		t.Errorf("the serial number stands at %s", at)
	}
	other, _ := Parse("plant/t.yaml", []byte(fleet), reading(text+"\r\n"))
	if other.Digest == got.Digest {
		t.Error("another file has the same digest")
	}
}

// FuzzInventory holds that no file of hosts makes Parse panic, and that positions
// lie inside the topology or the file.
func FuzzInventory(f *testing.F) {
	for _, text := range []string{"name,address\nw1,192.168.200.31/22\n", "\ufeffname;roles;mac\r\n\"w\n1\";worker x;\r\n", "#\nname,labels.a,profiles.kubelet.maxPods,interfaces.eno1.mac,taints\nw,b,,c,d=e:NoSchedule\n", "\"", "name,name\n", "name\n\xff\n"} {
		f.Add([]byte(text))
	}
	const topology = head + "  - {from: machines.csv, roles: [worker], interfaces: [{name: eno1, addresses: [192.168.200.77/22]}]}\n"
	f.Fuzz(func(t *testing.T, text []byte) {
		_, list := Parse("t.yaml", []byte(topology), reading(string(text)))
		for _, d := range list {
			of := map[string]string{"t.yaml": topology, "machines.csv": string(text)}[d.Position.File]
			if lines := bytes.Count([]byte(of), []byte("\n")) + 1; d.Position.Line < 1 || d.Position.Line > lines || d.Message != strings.ToValidUTF8(d.Message, "") {
				t.Errorf("%v: %s", d.Position, d.Message)
			}
		}
	})
}
