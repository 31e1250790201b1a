//go:build real

package gpt

import (
	"encoding/json"
	"os/exec"
	"testing"
)

// TestSfdisk has the table read and checked by the program that people make
// tables with.
func TestSfdisk(t *testing.T) {
	for _, size := range []int64{1, 512, 1<<20 - 33*512, 1 << 20, 5<<20 + 7} {
		disk := write(t, Disk{Name: "KUBESPORE", Size: size, Seed: []byte("seed")})
		if out, err := exec.Command("sfdisk", "--verify", disk).CombinedOutput(); err != nil {
			t.Errorf("%d: %v\n%s", size, err, out)
		}
		out, err := exec.Command("sfdisk", "--json", disk).Output()
		if err != nil {
			t.Fatalf("%d: %v", size, err)
		}
		var read struct {
			PartitionTable struct {
				Label      string
				Partitions []struct {
					Start, Size       int64
					Type, Name, Attrs string
				}
			}
		}
		if err := json.Unmarshal(out, &read); err != nil {
			t.Fatal(err)
		}
		table := read.PartitionTable
		if table.Label != "gpt" || len(table.Partitions) != 1 {
			t.Fatalf("%d: %s", size, out)
		}
		if p := table.Partitions[0]; p.Name != "KUBESPORE" || p.Start*Sector != Start || p.Size != (size+Sector-1)/Sector || p.Type != "0FC63DAF-8483-4772-8E79-3D69D8477DE4" {
			t.Errorf("%d: %s", size, out)
		}
	}
}
