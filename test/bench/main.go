package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

// Targets of the project, on two cores.
const (
	targetFirst   = 10 * time.Second // first build of 1,000 hosts
	targetSigning = 3.5              // times its floor
	targetRebuild = 0.2              // of the first build
	targetMemory  = 1 << 30          // at 10,000 hosts
	targetGrowth  = 1.3              // cost per host at 10,000 hosts by that at 1,000
)

func main() {
	hosts := flag.Int("hosts", 1000, "hosts of the main build")
	many := flag.Int("fleet", 10000, "hosts of the big build; 0 leaves it out")
	peers := flag.Bool("peers", true, "measure control planes, kubeadm and cfssl too")
	flag.Parse()
	if err := run(*hosts, *many, *peers); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(hosts, many int, peers bool) error {
	dir, err := os.MkdirTemp("", "kubespore-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program, err := buildProgram(dir)
	if err != nil {
		return err
	}
	fmt.Printf("%s, %d CPUs, %s; load %s\n\n", cpu(), runtime.GOMAXPROCS(0), runtime.Version(), load())

	first, again, err := measureTwice(program, filepath.Join(dir, "first"), fleet{hosts, 3, "flatcar"})
	if err != nil {
		return err
	}
	low, err := measureFloor(filepath.Join(dir, "first"), filepath.Join(dir, "floor"))
	if err != nil {
		return err
	}
	printStages(first, low)
	boot, err := measureMedia(program, filepath.Join(dir, "first"), hosts)
	if err != nil {
		return err
	}
	rows := append(judge(first, again, low), boot.row())
	if many > 0 {
		big, _, err := measureTwice(program, filepath.Join(dir, "fleet"), fleet{many, 3, "flatcar"})
		if err != nil {
			return err
		}
		rows = append(rows, judgeFleet(first, big)...)
	}
	printTargets(rows)
	if err := printOthers(program, dir, first, again); err != nil {
		return err
	}
	if peers {
		return printPeers(program, dir, first, low)
	}
	return nil
}

// target is a row of the table of targets.
type target struct {
	what, measured, wanted string
	met                    bool
}

func judge(first, again build, low floor) []target {
	signing := float64(first.stage("keys")) / float64(low.sign)
	share := float64(again.wall) / float64(first.wall)
	return []target{
		{fmt.Sprintf("first build of %d hosts, every proof", first.hosts), seconds(first.wall), "<= " + seconds(targetFirst), first.wall <= targetFirst},
		{"the same as a multiple of its floor", fmt.Sprintf("%.1fx", float64(first.wall)/float64(low.total())), "shown", true},
		{"keys and certificates by their floor", fmt.Sprintf("%.2fx", signing), fmt.Sprintf("<= %.1fx", targetSigning), signing <= targetSigning},
		{"rebuild with nothing to do", fmt.Sprintf("%s, %.0f%%", seconds(again.wall), share*100), fmt.Sprintf("<= %.0f%% of the first", targetRebuild*100), share <= targetRebuild && again.unchanged},
	}
}

func judgeFleet(first, big build) []target {
	growth := (float64(big.wall) / float64(big.hosts)) / (float64(first.wall) / float64(first.hosts))
	return []target{
		{fmt.Sprintf("first build of %d hosts", big.hosts), seconds(big.wall), "shown", true},
		{"cost per host there by that above", fmt.Sprintf("%.2fx", growth), fmt.Sprintf("<= %.1fx", targetGrowth), growth <= targetGrowth},
		{"most memory there", fmt.Sprintf("%d MiB", big.memory>>20), fmt.Sprintf("<= %d MiB", targetMemory>>20), big.memory <= targetMemory},
	}
}

func printTargets(rows []target) {
	fmt.Print("| what | measured | target | |\n|---|---|---|---|\n")
	for _, r := range rows {
		verdict := "met"
		if !r.met {
			verdict = "**missed**"
		}
		fmt.Printf("| %s | %s | %s | %s |\n", r.what, r.measured, r.wanted, verdict)
	}
	fmt.Println()
}

// printStages shows where the time of the first build goes. Stages that begin
// with a dash are parts of the one above, summed over all workers.
func printStages(b build, low floor) {
	fmt.Printf("First build of %d hosts: %d certificates, %d MiB written. Floor: signing %s, writing %s.\n\n",
		b.hosts, low.certificates, low.bytes>>20, seconds(low.sign), seconds(low.write))
	fmt.Print("| stage | time | by the floor of the whole |\n|---|---|---|\n")
	for _, s := range slices.Concat(b.stages, []stage{{"whole process", b.wall}}) {
		fmt.Printf("| %s | %s | %.2fx |\n", s.name, seconds(s.time), float64(s.time)/float64(low.total()))
	}
	fmt.Println()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
