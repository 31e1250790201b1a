package compile_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// hardeningTable gives the rows of a table of docs/hardening.md, by its heading.
func hardeningTable(t *testing.T, heading string, columns int) [][]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/hardening.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var rows [][]string
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if strings.HasPrefix(line, "|") && !strings.HasPrefix(line, "|--") {
			if len(cells) != columns {
				t.Fatalf("%q has %d columns, not %d", line, len(cells), columns)
			}
			rows = append(rows, cells)
		}
	}
	if len(rows) < 4 {
		t.Fatalf("%s has %d rows", heading, len(rows))
	}
	return rows[1:]
}

var inTicks = regexp.MustCompile("`([^`]+)`")

// Each safer default has a way back, and it changes what the machine gets.
func TestSaferDefaultsHaveAWayBack(t *testing.T) {
	example, err := os.ReadFile("../../examples/single.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(example), "- name: core\n", "- name: core\n      passwordHash: $6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/\n", 1)
	usual := entriesOfTopology(t, text)
	for _, row := range hardeningTable(t, "Safer than kubeadm's defaults", 4) {
		back := inTicks.FindStringSubmatch(row[3])
		if back == nil {
			t.Errorf("%s: no way back", row[0])
			continue
		}
		if reflect.DeepEqual(entriesOfTopology(t, strings.Replace(text, "\nprofiles:\n", "\nprofiles:\n  "+back[1]+"\n", 1)), usual) {
			t.Errorf("%s changes nothing", back[1])
		}
	}
}

// What the page says of the guide of NSA and CISA is in the documents.
func TestGuideIsInTheDocuments(t *testing.T) {
	have := entriesOf(t, "")
	for _, row := range hardeningTable(t, "The guide of NSA and CISA", 3) {
		said := inTicks.FindAllStringSubmatch(row[2], -1)
		if len(said) != 2 {
			t.Errorf("%s: name a file and a text of it", row[0])
			continue
		}
		if file, text := said[0][1], said[1][1]; !strings.Contains(string(have[file].Content), text) {
			t.Errorf("%s: %s holds no %q", row[0], file, text)
		}
	}
}

// What the page says to be open to everyone is so, each line of the page closes it to
// all but whom it names, and nothing else is open to everyone.
func TestOpenToEveryone(t *testing.T) {
	example, err := os.ReadFile("../../examples/single.yaml")
	if err != nil {
		t.Fatal(err)
	}
	// open gives the ports that a rule of the input chain opens without a source.
	open := func(text string) (ports []string, table string) {
		table = string(entriesOfTopology(t, text)["/etc/kubespore/firewall.nft"].Content)
		_, input, _ := strings.Cut(table, "chain input {")
		for _, m := range regexp.MustCompile(`(?m)^\t\t(?:tcp|udp|sctp) dport (\S+) accept`).FindAllStringSubmatch(input, -1) {
			ports = append(ports, m[1])
		}
		return ports, table
	}
	if ports, _ := open(string(example)); !slices.Equal(ports, []string{"22", "6443"}) {
		t.Errorf("open to everyone are %q", ports)
	}
	all := string(example)
	for _, row := range hardeningTable(t, "What is open to everyone", 3) {
		line := inTicks.FindStringSubmatch(row[2])
		if line == nil {
			t.Fatalf("%s: no line narrows it", row[0])
		}
		if _, table := open(strings.Replace(all, "\nprofiles:\n", "\nprofiles:\n  "+line[1]+"\n", 1)); !strings.Contains(table, "ip saddr 10.1.0.0/16 ") {
			t.Errorf("%s closes nothing:\n%s", line[1], table)
		}
	}
	all = strings.Replace(all, "\nprofiles:\n", "\nprofiles:\n  firewall: {ssh: [nodes, 10.1.0.0/16], nodePorts: [10.1.0.0/16]}\n  control-plane: {apiSources: [10.1.0.0/16]}\n", 1)
	ports, table := open(all)
	if len(ports) > 0 || !strings.Contains(table, "ip saddr @pods4 tcp dport 6443 accept") || !strings.Contains(table, "ip saddr @nodes4 tcp dport 6443 accept") {
		t.Errorf("open to everyone are %q:\n%s", ports, table)
	}
}
