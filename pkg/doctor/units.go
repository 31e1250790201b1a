package doctor

// unitStates are the steps of the console that failed, or fail and are started
// again. The console names the journal to read.
func unitStates() []State {
	unit := func(code, profile, name, cause, remedy, topology string) State {
		return State{code, profile, "journalctl -u " + name + ")", cause, remedy, topology}
	}
	return []State{
		unit("D401", "clock", "kubespore-clock.service", "The clock could not be set forward.", "Set the clock of the machine, for example in its firmware.", ""),
		unit("D402", "firewall", "kubespore-firewall.service", "nft refused the rules, or the kernel has no nf_tables. The machine stays shut.", "Read the journal: nft names the line.", "profiles.firewall"),
		unit("D403", "system", "kubespore-system.service", "The check of the operating system failed.", "Read the journal.", "profiles.packages"),
		unit("D404", "binaries", "kubespore-binaries.service", "The programs could not be installed.", "Read the journal; most often the disk is full.", "profiles.payload"),
		unit("D405", "containerd", "containerd.service", "containerd does not start.", "Read the journal; containerd names the line of its configuration, or the file that is damaged.", "profiles.containerd"),
		unit("D406", "docker", "docker.service", "Docker Engine does not start.", "Read the journal; docker names the option of its configuration, or the file that is damaged.", "profiles.docker"),
		unit("D407", "docker", "cri-docker.service", "cri-dockerd does not start, most often because Docker Engine does not.", "Look at docker.service first.", "profiles.docker"),
		unit("D408", "images", "kubespore-images.service", "The images could not be imported.", "Look at the container runtime and at free space first, then read the journal.", "profiles.payload"),
		unit("D409", "etcd", "kubespore-etcd-guard.service", "The guard, which lets etcd start, failed.", "Read the journal.", "hosts"),
		unit("D410", "etcd", "etcd.service", "etcd does not start.", "Read the journal. A machine with a damaged data folder is replaced as docs/replace-a-machine.md says; a certificate that ended is renewed by a kit.", "hosts"),
		unit("D411", "flannel-etcd", "flannel-etcd.service", "The etcd of flannel does not start.", "Read the journal.", "profiles.flannel-etcd"),
		unit("D412", "flannel-etcd", "kubespore-flannel-config.service", "The network of flannel could not be written.", "Look at flannel-etcd.service first.", "profiles.flannel-etcd"),
		unit("D413", "flannel-etcd", "flanneld.service", "flannel does not start.", "Read the journal: most often its etcd is not reachable.", "profiles.flannel-etcd"),
		unit("D414", "keepalived", "kubespore-keepalived.service", "keepalived does not start, so the virtual address has one machine less.", "Read the journal.", "cluster.endpoint"),
		unit("D415", "kubelet", "kubelet.service", "The kubelet does not start.", "Read the journal: the kubelet names the flag or the file that it refuses.", "profiles.kubelet"),
		unit("D416", "control-plane", "kube-apiserver.service", "The API server does not start.", "Look at etcd first, then read the journal.", "profiles.control-plane"),
		unit("D417", "control-plane", "kube-controller-manager.service", "The controller manager does not start.", "Look at the API server first, then read the journal.", "profiles.control-plane"),
		unit("D418", "control-plane", "kube-scheduler.service", "The scheduler does not start.", "Look at the API server first, then read the journal.", "profiles.control-plane"),
		unit("D419", "etcd", "kubespore-etcd-member.service", "The member could not be added or found.", "Look at etcd first, then read the journal.", "hosts"),
		unit("D420", "kubelet", "kubespore-node.service", "The pod networks of the Node could not be set: the Node has others.", "Read the journal. A Node keeps its pod networks until it is deleted.", "network.pods"),
		unit("D421", "objects", "kubespore-objects.service", "The objects could not be applied.", "Read the journal: it has what the API server said.", "profiles.objects"),
		unit("D422", "selftest", "kubespore-selftest.service", "The self-test failed.", "Read the journal: it has every test.", "profiles.selftest"),
		unit("D423", "cleanup", "kubespore-cleanup.service", "The document could not be removed from the machine.", "Read the journal, and remove the files that it names.", ""),
		unit("D424", "dhcp", "kubespore-dhcp.service", "The look at what DHCP gave failed.", "Read the journal; most often the image lacks the program ip (package iproute2).", "hosts"),
	}
}
