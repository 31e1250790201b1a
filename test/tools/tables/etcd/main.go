// Prints the table of etcd.
package main

import (
	"flag"
	"fmt"
	"log"
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
	fmt.Println("flag etcd h")
	fmt.Println("flag etcd help")
	flags.VisitAll(func(f *flag.Flag) {
		fmt.Println("flag etcd", f.Name)
	})
	// Only a copy says what it knows.
	gates := features.NewDefaultServerFeatureGate("etcd", zap.NewNop()).DeepCopy()
	for gate := range gates.GetAll() {
		fmt.Println("gate etcd", gate)
	}
}
