// Command summary reads `go test -json`, prints what a person wants to see of
// it while it runs, and counts: the closing line is
// "N passed, N failed, N skipped". With -totals it adds its counts to a file,
// so that several runs can be summed up by -print.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

// event is one line of `go test -json` (go doc test2json).
type event struct {
	Action, Package, Test, Output string
	ImportPath                    string
	Elapsed                       float64
}

// counts is what a run comes to.
type counts struct{ passed, failed, skipped int }

func (c counts) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", c.passed, c.failed, c.skipped)
}

func main() {
	name := flag.String("name", "test", "what this run is called")
	totals := flag.String("totals", "", "file to add the counts to")
	show := flag.Bool("print", false, "print the sum of the totals file and exit")
	flag.Parse()
	if *show {
		sum, err := readTotals(*totals)
		fail(err)
		fmt.Println(sum)
		exitIf(sum.failed > 0 || sum.passed == 0)
		return
	}
	c, err := follow(os.Stdin, os.Stdout)
	fail(err)
	if *totals != "" {
		fail(appendTotals(*totals, c))
	}
	fmt.Printf("%s: %v\n", *name, c)
	exitIf(c.failed > 0 || c.passed == 0)
}

// follow prints packages as they end, the output of what failed, the reason of each
// skip, and the counts of tests that compare our verdicts with those of others.
func follow(in io.Reader, out io.Writer) (counts, error) {
	var c counts
	output := map[string][]string{}
	failedIn := map[string]bool{}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(out, lines.Text())
			continue
		}
		key := e.Package + "\x00" + e.Test
		switch e.Action {
		case "output":
			output[key] = append(output[key], e.Output)
		case "build-output":
			fmt.Fprint(out, e.Output)
		case "pass":
			if e.Test == "" {
				fmt.Fprintf(out, "ok    %6.1fs %s\n", e.Elapsed, e.Package)
			} else {
				c.passed++
				for _, line := range output[key] {
					if m := judged.FindStringSubmatch(line); m != nil {
						fmt.Fprintf(out, "      %s: %s\n", e.Test, m[1])
					}
				}
			}
		case "skip":
			if e.Test != "" {
				c.skipped++
				fmt.Fprintf(out, "skip  %s %s: %s\n", e.Package, e.Test, reason(output[key]))
			}
		case "fail":
			switch {
			case e.Test != "":
				c.failed++
				failedIn[e.Package] = true
				fmt.Fprintf(out, "FAIL  %s %s\n%s", e.Package, e.Test, strings.Join(output[key], ""))
			default:
				if !failedIn[e.Package] { // did not build, or died outside a test
					c.failed++
				}
				fmt.Fprintf(out, "FAIL  %6.1fs %s\n%s", e.Elapsed, e.Package, strings.Join(output[key], ""))
			}
		}
		if e.Action == "pass" || e.Action == "skip" || e.Action == "fail" {
			delete(output, key)
		}
	}
	return c, lines.Err()
}

// judged finds what a test that compares verdicts logs of their number.
var judged = regexp.MustCompile(`_test\.go:\d+: (.*\b(?:judged|resolved|refused at their line)\b.*)`)

// reason gives the text of t.Skip out of a test's output.
func reason(output []string) string {
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
			return line
		}
	}
	return "no reason given"
}

func appendTotals(file string, c counts) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(f, c.passed, c.failed, c.skipped); err != nil {
		return err
	}
	return f.Close()
}

func readTotals(file string) (counts, error) {
	var sum counts
	f, err := os.Open(file)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	for {
		var c counts
		_, err := fmt.Fscanln(f, &c.passed, &c.failed, &c.skipped)
		if err == io.EOF {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
		sum.passed += c.passed
		sum.failed += c.failed
		sum.skipped += c.skipped
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "summary:", err)
		os.Exit(1)
	}
}

func exitIf(bad bool) {
	if bad {
		os.Exit(1)
	}
}
