package verify

import (
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/runtime"
	scheduler "k8s.io/kube-scheduler/config/v1"

	"github.com/kubespore/kubespore/pkg/objects"
)

// SchedulerKubeconfig is the credential by which the scheduler reaches its API server.
const SchedulerKubeconfig = "/etc/kubernetes/scheduler.conf"

// schedulerPlugins are the plugins of all supported minors, as
// pkg/scheduler/framework/plugins/names names them.
var schedulerPlugins = []string{
	"DefaultBinder", "DefaultPreemption", "DeferredPodScheduling", "DynamicResources", "GangScheduling", "ImageLocality", "InterPodAffinity",
	"NodeAffinity", "NodeDeclaredFeatures", "NodeName", "NodePorts", "NodeResourcesBalancedAllocation", "NodeResourcesFit", "NodeUnschedulable",
	"NodeVolumeLimits", "PodGroupPodsCount", "PodTopologySpread", "PrioritySort", "SchedulingGates", "TaintToleration", "TopologyPlacementGenerator",
	"VolumeBinding", "VolumeRestrictions", "VolumeZone",
}

// scheduling says what the scheduler refuses of a KubeSchedulerConfiguration. What
// arguments of plugins may be beyond their types is left to it.
func scheduling(c *scheduler.KubeSchedulerConfiguration, decoder runtime.Decoder, root *yaml.Node, say sayAt) {
	if given := c.ClientConnection.Kubeconfig; given != SchedulerKubeconfig {
		say(orElse(objects.Child(root, "clientConnection", "kubeconfig"), root), "write clientConnection: {kubeconfig: "+SchedulerKubeconfig+"}",
			"clientConnection.kubeconfig must be %s: the scheduler reaches the API server by it", SchedulerKubeconfig)
	}
	if c.Parallelism != nil && *c.Parallelism <= 0 {
		say(objects.Child(root, "parallelism"), "write parallelism: 16", "parallelism must be more than nothing")
	}
	percentage(c.PercentageOfNodesToScore, root, say)
	first, most := int64(1), int64(10)
	if c.PodInitialBackoffSeconds != nil {
		first = *c.PodInitialBackoffSeconds
	}
	if c.PodMaxBackoffSeconds != nil {
		most = *c.PodMaxBackoffSeconds
	}
	if first <= 0 || most < first {
		say(orElse(objects.Child(root, "podMaxBackoffSeconds"), objects.Child(root, "podInitialBackoffSeconds"), root), "write podInitialBackoffSeconds: 1 and podMaxBackoffSeconds: 10",
			"podInitialBackoffSeconds must be more than nothing, and podMaxBackoffSeconds not less than that")
	}
	names := map[string]bool{}
	for i := range c.Profiles {
		node := item(objects.Child(root, "profiles"), i)
		p := &c.Profiles[i]
		name := "default-scheduler"
		if p.SchedulerName != nil && *p.SchedulerName != "" {
			name = *p.SchedulerName
		} else if len(c.Profiles) > 1 {
			say(node, "add schedulerName", "a profile of several has no schedulerName")
		}
		if names[name] {
			say(node, "give each a schedulerName of its own", "two profiles are named %s", name)
		}
		names[name] = true
		percentage(p.PercentageOfNodesToScore, node, say)
		schedulerPluginsOf(p, decoder, node, say)
		if !reflect.DeepEqual(queueSort(p), queueSort(&c.Profiles[0])) {
			say(orElse(objects.Child(node, "plugins", "queueSort"), node), "write the same queueSort in all profiles", "the queueSort of a profile differs from that of the first")
		}
	}
	extenders(c.Extenders, objects.Child(root, "extenders"), say)
}

func percentage(value *int32, node *yaml.Node, say sayAt) {
	if value != nil && (*value < 0 || *value > 100) {
		say(objects.Child(node, "percentageOfNodesToScore"), "write a number from 0 to 100", "percentageOfNodesToScore cannot be %d", *value)
	}
}

func queueSort(p *scheduler.KubeSchedulerProfile) scheduler.PluginSet {
	if p.Plugins == nil {
		return scheduler.PluginSet{}
	}
	return p.Plugins.QueueSort
}

// schedulerPluginsOf looks at the plugins that a profile turns on, and at what it
// tells them. The name of one that is turned off the scheduler passes over.
func schedulerPluginsOf(p *scheduler.KubeSchedulerProfile, decoder runtime.Decoder, node *yaml.Node, say sayAt) {
	if sets := objects.Child(node, "plugins"); sets != nil {
		for i := 1; i < len(sets.Content); i += 2 {
			enabled := objects.Child(sets.Content[i], "enabled")
			if enabled == nil {
				continue
			}
			for _, plugin := range enabled.Content {
				if name := objects.Text(plugin, "name"); !slices.Contains(schedulerPlugins, name) {
					say(plugin, didYouMean(name, slices.Clone(schedulerPlugins)), "the scheduler has no plugin %q", name)
				}
			}
		}
	}
	if s := queueSort(p); len(s.Enabled) > 1 {
		say(objects.Child(node, "plugins", "queueSort"), "leave one of them", "only one plugin can sort the queue")
	}
	seen := map[string]bool{}
	for i := range p.PluginConfig {
		at := item(objects.Child(node, "pluginConfig"), i)
		one := scheduler.KubeSchedulerConfiguration{Profiles: []scheduler.KubeSchedulerProfile{{PluginConfig: p.PluginConfig[i : i+1 : i+1]}}}
		name := p.PluginConfig[i].Name
		if err := one.DeepCopy().DecodeNestedObjects(decoder); err != nil {
			_, because, _ := strings.Cut(err.Error(), "pluginConfig[0]: ")
			say(at, "see the reference of "+name+"Args", "the scheduler refuses it: %s", plainError(textError(because)))
		}
		if seen[name] {
			say(at, "join them", "the configuration of %s stands twice", name)
		}
		seen[name] = true
	}
}

// textError is an error that is only its text.
type textError string

func (e textError) Error() string { return string(e) }

func extenders(list []scheduler.Extender, node *yaml.Node, say sayAt) {
	binders := 0
	resources := map[string]bool{}
	for i, e := range list {
		at := item(node, i)
		if e.PrioritizeVerb != "" && e.Weight <= 0 {
			say(at, "write weight: 1", "an extender with prioritizeVerb needs a weight")
		}
		if e.BindVerb != "" {
			if binders++; binders == 2 {
				say(at, "leave bindVerb to one of them", "only one extender can bind")
			}
		}
		for _, r := range e.ManagedResources {
			if resources[r.Name] {
				say(at, "leave it to one of them", "two extenders manage %s", r.Name)
			}
			resources[r.Name] = true
		}
	}
}
