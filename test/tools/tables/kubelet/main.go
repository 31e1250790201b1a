// Prints the table of kubelet, or judges its command lines.
package main

import (
	"context"
	"io"
	"log"

	"github.com/spf13/pflag"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	cliflag "k8s.io/component-base/cli/flag"
	logsapi "k8s.io/component-base/logs/api/v1"
	// Linked for the feature gates that it and what it imports register.
	_ "k8s.io/kubernetes/cmd/kubelet/app"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	"k8s.io/kubernetes/pkg/kubelet/apis/config/validation"
	"k8s.io/kubernetes/pkg/kubelet/kubeletconfig/configfiles"
	"k8s.io/kubernetes/pkg/util/filesystem"

	"github.com/kubespore/kubespore/test/tools/kubernetes/table"
)

func main() {
	config, err := options.NewKubeletConfiguration()
	if err != nil {
		log.Fatal(err)
	}
	flags := pflag.NewFlagSet("kubelet", pflag.ContinueOnError)
	fill(flags, options.NewKubeletFlags(), config)
	flags.BoolP("help", "h", false, "")
	table.Component("kubelet", flags, nil, judge)
}

// fill makes the calls that fill the set of flags that the kubelet's command
// does not give away.
func fill(flags *pflag.FlagSet, own *options.KubeletFlags, config *kubeletconfig.KubeletConfiguration) {
	own.AddFlags(flags)
	options.AddKubeletConfigFlags(flags, config)
	options.AddGlobalFlags(flags)
}

// judge does what the command does before it looks at the machine: flags, the
// configuration file that they name, flags again on top of it.
func judge(args []string) error {
	own := options.NewKubeletFlags()
	config, err := options.NewKubeletConfiguration()
	if err != nil {
		return err
	}
	if err := table.Parse("kubelet", args, func(flags *pflag.FlagSet) { fill(flags, own, config) }); err != nil {
		return err
	}
	if err := options.ValidateKubeletFlags(own); err != nil {
		return err
	}
	if own.KubeletConfigFile != "" {
		loader, err := configfiles.NewFsLoader(&filesystem.DefaultFs{}, own.KubeletConfigFile)
		if err != nil {
			return err
		}
		if config, err = load(loader); err != nil {
			return err
		}
		again := pflag.NewFlagSet("kubelet", pflag.ContinueOnError)
		again.SetOutput(io.Discard)
		again.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
		gates := config.FeatureGates
		fill(again, options.NewKubeletFlags(), config)
		if err := again.Parse(args); err != nil {
			return err
		}
		for name, value := range gates {
			if _, given := config.FeatureGates[name]; !given {
				config.FeatureGates[name] = value
			}
		}
	}
	if err := utilfeature.DefaultMutableFeatureGate.SetFromMap(config.FeatureGates); err != nil {
		return err
	}
	if err := logsapi.Validate(&config.Logging, utilfeature.DefaultFeatureGate, nil).ToAggregate(); err != nil {
		return err
	}
	return validation.ValidateKubeletConfiguration(config, utilfeature.DefaultFeatureGate)
}

// load reads the file; releases differ in whether that takes a context.
func load(loader any) (*kubeletconfig.KubeletConfiguration, error) {
	switch l := loader.(type) {
	case interface {
		Load(context.Context) (*kubeletconfig.KubeletConfiguration, error)
	}:
		return l.Load(context.Background())
	case interface {
		Load() (*kubeletconfig.KubeletConfiguration, error)
	}:
		return l.Load()
	}
	panic("configfiles.Loader has another way to load now: see its source")
}
