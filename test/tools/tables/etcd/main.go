// Prints the table of etcd.
package main

import (
	"flag"
	"fmt"
	"log"
	"time"
	_ "unsafe" // for go:linkname

	"go.etcd.io/etcd/server/v3/embed"
	_ "go.etcd.io/etcd/server/v3/etcdmain"
	"go.etcd.io/etcd/server/v3/features"
	"go.uber.org/zap"
)

// config is the beginning of etcdmain's type of the same name.
type config struct {
	_     embed.Config
	flags *flag.FlagSet
}

// Some of etcd's flags are defined in a function that etcd does not export,
// and `--help` leaves out the deprecated ones that still parse.
//
//go:linkname newConfig go.etcd.io/etcd/server/v3/etcdmain.newConfig
func newConfig() *config

func main() {
	flags := newConfig().flags
	if flags.Name() != "etcd" {
		log.Fatal("etcdmain's config begins in another way now: see its source")
	}
	// Package flag knows these two without their being defined.
	fmt.Println("flag etcd h bool alone")
	fmt.Println("flag etcd help bool alone")
	flags.VisitAll(func(f *flag.Flag) {
		fmt.Println("flag etcd", f.Name, kind(f))
	})
	// Only a copy says what it knows.
	gates := features.NewDefaultServerFeatureGate("etcd", zap.NewNop()).DeepCopy()
	for gate := range gates.GetAll() {
		fmt.Println("gate etcd", gate)
	}
}

// kind is the type of a flag's value in the words of package pflag. Package flag
// shows a type only by what it stands for.
func kind(f *flag.Flag) string {
	if b, ok := f.Value.(interface{ IsBoolFlag() bool }); ok && b.IsBoolFlag() {
		return "bool alone"
	}
	if g, ok := f.Value.(flag.Getter); ok {
		switch g.Get().(type) {
		case int, int64:
			return "int"
		case uint, uint64:
			return "uint"
		case float64:
			return "float64"
		case time.Duration:
			return "duration"
		}
	}
	return "string"
}
