// Prints the table of kube-scheduler, or judges its command lines.
package main

import (
	"github.com/spf13/pflag"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/component-base/cli/globalflag"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/component-base/version/verflag"
	"k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/latest"

	"github.com/kubespore/kubespore/test/tools/kubernetes/table"
)

func main() {
	cmd := app.NewSchedulerCommand()
	// Cobra adds it when a command is executed, which none is here.
	cmd.InitDefaultHelpFlag()
	table.Component("kube-scheduler", cmd.Flags(), nil, judge)
}

// judge does what the command does before it dials the API server.
func judge(args []string) error {
	s := options.NewOptions()
	err := table.Parse("kube-scheduler", args, func(flags *pflag.FlagSet) {
		sets := s.Flags
		verflag.AddFlags(sets.FlagSet("global"))
		globalflag.AddGlobalFlags(sets.FlagSet("global"), "kube-scheduler", logs.SkipLoggingConfigurationFlags())
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
	if s.ComponentConfig, err = latest.Default(); err != nil {
		return err
	}
	return utilerrors.NewAggregate(s.Validate())
}
