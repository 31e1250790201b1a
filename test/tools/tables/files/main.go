// Judges files of configuration with the code of the program that reads them. A line
// of its input is a kind and the name of a file.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/apis/apiserver/install"
	authorizationload "k8s.io/apiserver/pkg/apis/apiserver/load"
	"k8s.io/apiserver/pkg/apis/apiserver/validation"
	"k8s.io/apiserver/pkg/audit/policy"
	authenticationcel "k8s.io/apiserver/pkg/authentication/cel"
	authorizationcel "k8s.io/apiserver/pkg/authorization/cel"
	"k8s.io/apiserver/pkg/server/egressselector"
	"k8s.io/apiserver/pkg/server/options"
	"k8s.io/apiserver/pkg/server/options/encryptionconfig"
	tracing "k8s.io/component-base/tracing/api/v1"
	"k8s.io/klog/v2"
	scheduleroptions "k8s.io/kubernetes/cmd/kube-scheduler/app/options"
	"k8s.io/kubernetes/pkg/credentialprovider/plugin"
	"k8s.io/kubernetes/pkg/kubeapiserver/authorizer/modes"
	kubeoptions "k8s.io/kubernetes/pkg/kubeapiserver/options"
	schedulervalidation "k8s.io/kubernetes/pkg/scheduler/apis/config/validation"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins"
	"k8s.io/pod-security-admission/admission/api/load"
	podsecurity "k8s.io/pod-security-admission/admission/api/validation"

	"github.com/kubespore/kubespore/test/tools/kubernetes/table"
)

var (
	scheme = runtime.NewScheme()
	codecs = serializer.NewCodecFactory(scheme, serializer.EnableStrict)
)

func main() {
	install.Install(scheme)
	utilruntime.Must(apiserver.AddToScheme(scheme))
	table.Judge(func(args []string) error { return kinds[args[0]](args[1]) })
}

var kinds = map[string]func(file string) error{
	"EncryptionConfiguration": func(file string) error {
		// What is started for its sake ends with it.
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		_, err := encryptionconfig.LoadEncryptionConfig(ctx, file, false, "")
		return err
	},
	"AuthenticationConfiguration": func(file string) error {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		read, err := runtime.Decode(codecs.UniversalDecoder(), text)
		if err != nil {
			return err
		}
		c, ok := read.(*apiserver.AuthenticationConfiguration)
		if !ok {
			return fmt.Errorf("this is a %T", read)
		}
		return validation.ValidateAuthenticationConfiguration(authenticationcel.NewDefaultCompiler(), c, nil).ToAggregate()
	},
	"AdmissionConfiguration": func(file string) error {
		provider, err := admission.ReadAdmissionConfiguration(kubeoptions.AllOrderedPlugins, file, scheme)
		if err != nil {
			return err
		}
		reader, err := provider.ConfigFor("PodSecurity")
		if err != nil || reader == nil {
			return err
		}
		c, err := load.LoadFromReader(reader)
		if err != nil {
			return err
		}
		return podsecurity.ValidatePodSecurityConfiguration(c).ToAggregate()
	},
	"Policy": func(file string) error {
		_, err := policy.LoadPolicyFromFile(file)
		return err
	},
	"AuthorizationConfiguration": func(file string) error {
		c, err := authorizationload.LoadFromFile(file)
		if err != nil {
			return err
		}
		known := sets.New(modes.AuthorizationModeChoices...)
		return validation.ValidateAuthorizationConfiguration(authorizationcel.NewDefaultCompiler(), nil, c, known, sets.New(string(apiserver.TypeWebhook))).ToAggregate()
	},
	"EgressSelectorConfiguration": func(file string) error {
		c, err := egressselector.ReadEgressSelectorConfiguration(file)
		if err != nil {
			return err
		}
		return egressselector.ValidateEgressSelectorConfiguration(c).ToAggregate()
	},
	"TracingConfiguration": func(file string) error {
		c, err := options.ReadTracingConfiguration(file)
		if err != nil {
			return err
		}
		return tracing.ValidateTracingConfiguration(c, nil, nil).ToAggregate()
	},
	"KubeSchedulerConfiguration": func(file string) error {
		c, err := scheduleroptions.LoadConfigFromFile(klog.Background(), file)
		if err != nil {
			return err
		}
		if err := schedulervalidation.ValidateKubeSchedulerConfiguration(c); err != nil {
			return err
		}
		// The scheduler looks into its registry when it makes its profiles.
		registry := plugins.NewInTreeRegistry()
		for _, p := range c.Profiles {
			for _, enabled := range p.Plugins.MultiPoint.Enabled {
				if registry[enabled.Name] == nil {
					return fmt.Errorf("plugin %q does not exist", enabled.Name)
				}
			}
			for _, enabled := range p.Plugins.Score.Enabled {
				if registry[enabled.Name] == nil {
					return fmt.Errorf("plugin %q does not exist", enabled.Name)
				}
			}
		}
		return nil
	},
	"CredentialProviderConfig": registered,
}

// registered does what the kubelet does at its start, with the programs a and b there.
func registered(file string) (err error) {
	programs, err := os.MkdirTemp("", "providers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(programs)
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(programs, name), nil, 0o755); err != nil {
			return err
		}
	}
	// What was judged before is registered under the same names: a kubelet reads one file.
	defer func() {
		if again := recover(); again != nil {
			err = nil
		}
	}()
	return plugin.RegisterCredentialProviderPlugins(file, programs, nil, nil)
}
