package report

import (
	"path"
	"strings"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/payload"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
)

// parts lists a bill of materials with digests: those of the lock or, without
// one, those that makers publish.
func parts(bill *payload.Bill, p *compile.Project) []Part {
	published := p.Catalog.Published
	var out []Part
	for _, b := range bill.Binaries {
		x := Part{Kind: "program", Name: b.Name, Version: b.Version, Arch: b.Arch, Source: b.URL, Licence: licence(b.URL), Hosts: b.Hosts}
		if b.Arch == plan.AnyArch {
			x.Kind = "objects"
		}
		if x.Pinned = b.SHA256 != ""; x.Pinned {
			x.Digest = "sha256:" + b.SHA256
		} else if sum := published[b.URL]; sum != "" && b.Member == "" {
			x.Digest = "sha256:" + sum
		}
		out = append(out, x)
	}
	for _, i := range bill.Images {
		name, version := i.Ref, ""
		if at := strings.LastIndexAny(i.Ref, ":@"); at > strings.LastIndex(i.Ref, "/") {
			name, version = i.Ref[:at], i.Ref[at+1:]
		}
		x := Part{Kind: "image", Name: name, Version: version, Arch: i.Arch, Source: "registry", Licence: licence(name), Hosts: i.Hosts, Digest: i.Digest, Pinned: i.Digest != ""}
		if !x.Pinned {
			x.Digest = published[i.Ref]
		}
		if strings.HasPrefix(i.Ref, profile.MadeHere) {
			x.Source = "made of Debian packages: " + strings.Join(i.Packages, ", ")
		}
		out = append(out, x)
	}
	for _, n := range bill.Needed {
		out = append(out, Part{Kind: "package", Name: n.Name, Arch: n.Arch, Source: n.System + ", by " + n.Tool, Hosts: n.Hosts})
	}
	for _, l := range bill.Packages {
		out = append(out, Part{Kind: "package", Name: path.Base(l.File), Source: path.Dir(l.File), Digest: "sha256:" + l.SHA256, Pinned: true})
	}
	return out
}

// licences are those that the makers of programs and images state in their
// source, as SPDX expressions, by a part of the place from which it comes.
// Images hold further software of the distribution that they are made from.
var licences = []struct{ place, expression string }{
	{"kubespore.local/keepalived", "GPL-2.0-or-later"},
	{"dl.k8s.io/", "Apache-2.0"},
	{"registry.k8s.io/", "Apache-2.0"},
	{"containerd/containerd/", "Apache-2.0"},
	{"containernetworking/plugins/", "Apache-2.0"},
	{"etcd-io/etcd/", "Apache-2.0"},
	{"opencontainers/runc/", "Apache-2.0"},
	{"flannel-io/", "Apache-2.0"},
	{"distribution/distribution/", "Apache-2.0"},
	{"projectcalico/calico/", "Apache-2.0"},
	{"quay.io/calico/", "Apache-2.0"},
	{"quay.io/cilium/", "Apache-2.0"},
	{"cloudnativelabs/kube-router", "Apache-2.0"},
	{"Mirantis/cri-dockerd/", "Apache-2.0"},
	{"download.docker.com/", "Apache-2.0"},
	{"docker.io/library/haproxy", "GPL-2.0-or-later"},
	{"docker.io/library/nginx", "BSD-2-Clause"},
}

func licence(source string) string {
	for _, l := range licences {
		if strings.Contains(source, l.place) {
			return l.expression
		}
	}
	return ""
}
