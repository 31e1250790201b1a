package topology

import "flag"

var update = flag.Bool("update", false, "write the files that are generated from the schema")

// testKnown stands for what the profiles describe.
var testKnown = Known{Minors: []string{"1.34", "1.35", "1.36", "1.37"}, Systems: map[string][]string{
	"fedora-coreos": {"ignition"}, "flatcar": {"ignition"},
	"debian": {"cloud-init", "ignition"}, "ubuntu": {"cloud-init", "ignition"}, "rocky": {"cloud-init", "ignition"}, "alma": {"cloud-init", "ignition"},
}, Installed: []string{"fedora-coreos", "flatcar"}, LaidOver: func(profile, param string) bool {
	return profile+"."+param == "kubelet.config" || profile+"."+param == "kernel.sysctls"
}}
