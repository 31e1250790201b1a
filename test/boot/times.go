package main

import (
	"fmt"
	"io"
	"time"
)

// times is the table of what took how long.
type times struct {
	started time.Time
	rows    []row
}

type row struct {
	name string
	took time.Duration
}

func newTimes() *times { return &times{started: time.Now()} }

func (t *times) measure(name string, do func() error) error {
	fmt.Printf("== %s\n", name)
	start := time.Now()
	err := do()
	t.rows = append(t.rows, row{name, time.Since(start)})
	return err
}

func (t *times) print(w io.Writer) {
	for _, r := range t.rows {
		fmt.Fprintf(w, "%-20s %7.1f s\n", r.name, r.took.Seconds())
	}
	fmt.Fprintf(w, "%-20s %7.1f s\n", "all", time.Since(t.started).Seconds())
}
