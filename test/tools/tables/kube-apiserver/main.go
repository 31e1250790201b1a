// Prints the table of kube-apiserver, or judges its command lines.
package main

import (
	"context"

	"github.com/spf13/pflag"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	auditlog "k8s.io/apiserver/plugin/pkg/audit/log"
	"k8s.io/component-base/cli/globalflag"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/component-base/version/verflag"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	"k8s.io/kubernetes/pkg/kubeapiserver/authorizer/modes"
	kubeoptions "k8s.io/kubernetes/pkg/kubeapiserver/options"

	"github.com/kubespore/kubespore/test/tools/kubernetes/table"
)

func main() {
	cmd := app.NewAPIServerCommand()
	// Cobra adds it when a command is executed, which none is here.
	cmd.InitDefaultHelpFlag()
	table.Component("kube-apiserver", cmd.Flags(), table.Values{
		"enable-admission-plugins":  kubeoptions.AllOrderedPlugins,
		"disable-admission-plugins": kubeoptions.AllOrderedPlugins,
		"authorization-mode":        modes.AuthorizationModeChoices,
		"audit-log-mode":            genericoptions.AllowedModes,
		"audit-webhook-mode":        genericoptions.AllowedModes,
		"audit-log-format":          auditlog.AllowedFormats,
	}, judge)
}

// judge does what the command does before it starts a server.
func judge(args []string) error {
	s := options.NewServerRunOptions()
	err := table.Parse("kube-apiserver", args, func(flags *pflag.FlagSet) {
		sets := s.Flags()
		verflag.AddFlags(sets.FlagSet("global"))
		globalflag.AddGlobalFlags(sets.FlagSet("global"), "kube-apiserver")
		for _, set := range sets.FlagSets {
			flags.AddFlagSet(set)
		}
	})
	if err != nil {
		return err
	}
	if err := s.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return err
	}
	if err := logsapi.Validate(s.Logs, utilfeature.DefaultFeatureGate, nil).ToAggregate(); err != nil {
		return err
	}
	completed, err := s.Complete(context.Background())
	if err != nil {
		return err
	}
	return utilerrors.NewAggregate(completed.Validate())
}
