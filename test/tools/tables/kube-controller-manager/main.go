// Prints the table of kube-controller-manager, or judges its command lines.
package main

import (
	"github.com/spf13/pflag"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/component-base/cli/globalflag"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/component-base/version/verflag"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"

	"github.com/kubespore/kubespore/test/tools/kubernetes/table"
)

func main() {
	cmd := app.NewControllerManagerCommand()
	// Cobra adds it when a command is executed, which none is here.
	cmd.InitDefaultHelpFlag()
	controllers := app.KnownControllers()
	for alias := range app.ControllerAliases() {
		controllers = append(controllers, alias)
	}
	table.Component("kube-controller-manager", cmd.Flags(), table.Values{"controllers": append(controllers, "*")}, judge)
}

// judge does what the command does before it starts controllers.
func judge(args []string) error {
	s, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		return err
	}
	err = table.Parse("kube-controller-manager", args, func(flags *pflag.FlagSet) {
		sets := s.Flags(app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases())
		verflag.AddFlags(sets.FlagSet("global"))
		globalflag.AddGlobalFlags(sets.FlagSet("global"), "kube-controller-manager")
		for _, set := range sets.FlagSets {
			flags.AddFlagSet(set)
		}
	})
	if err != nil {
		return err
	}
	if err := s.ComponentGlobalsRegistry.Set(); err != nil {
		return err
	}
	if err := logsapi.Validate(s.Logs, utilfeature.DefaultFeatureGate, nil).ToAggregate(); err != nil {
		return err
	}
	return s.Validate(app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases())
}
