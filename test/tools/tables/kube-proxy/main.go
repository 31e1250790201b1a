// Prints the table of kube-proxy, or judges its command lines.
package main

import (
	"flag"

	"github.com/spf13/pflag"
	"k8s.io/component-base/cli/globalflag"
	"k8s.io/component-base/version/verflag"
	"k8s.io/kubernetes/cmd/kube-proxy/app"

	"github.com/kubespore/kubespore/test/tools/kubernetes/table"
)

func main() {
	cmd := app.NewProxyCommand()
	// Cobra adds it when a command is executed, which none is here.
	cmd.InitDefaultHelpFlag()
	table.Component("kube-proxy", cmd.Flags(), nil, judge)
}

// judge does what the command does before it dials the API server.
func judge(args []string) error {
	o := app.NewOptions()
	var all *pflag.FlagSet
	err := table.Parse("kube-proxy", args, func(flags *pflag.FlagSet) {
		o.AddFlags(flags)
		verflag.AddFlags(flags)
		globalflag.AddGlobalFlags(flags, "kube-proxy")
		flags.AddGoFlagSet(flag.CommandLine) // as the command does
		all = flags
	})
	if err != nil {
		return err
	}
	if err := o.Complete(all); err != nil {
		return err
	}
	return o.Validate()
}
