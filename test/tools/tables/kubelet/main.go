// Prints the table of kubelet.
package main

import (
	"log"

	"github.com/spf13/pflag"
	// Linked for the feature gates that it and what it imports register.
	_ "k8s.io/kubernetes/cmd/kubelet/app"
	"k8s.io/kubernetes/cmd/kubelet/app/options"

	"github.com/kubespore/kubespore/test/tools/kubernetes/table"
)

func main() {
	config, err := options.NewKubeletConfiguration()
	if err != nil {
		log.Fatal(err)
	}
	// The kubelet keeps its flags from Cobra, in a set that its command does
	// not give away. These are the calls that fill it there.
	flags := pflag.NewFlagSet("kubelet", pflag.ContinueOnError)
	options.NewKubeletFlags().AddFlags(flags)
	options.AddKubeletConfigFlags(flags, config)
	options.AddGlobalFlags(flags)
	flags.BoolP("help", "h", false, "")
	table.Component("kubelet", flags)
}
