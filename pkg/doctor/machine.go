package doctor

// machineStates are about one machine and its operating system.
func machineStates() []State {
	return []State{
		{"D101", "clock", "/etc/kubespore/clock-floor holds no time", "The file that says the earliest possible time was changed or is damaged.",
			"Give the machine its document again.", ""},
		{"D102", "system", "the system lacks <parts>", "The image of the operating system has no such program, kernel module or kernel setting.",
			"Use another image, add the package to `profiles.packages`, or turn off the profile that needs it.", "profiles.packages"},
		{"D103", "kernel", "a container has its host's kernel, without these arguments: <arguments>", "The machine is a container, so its kernel arguments cannot be changed.",
			"Set them on the host of the container.", "profiles.kernel"},
		{"D104", "kernel", "the kernel was started without these arguments, although the boot loader was told: <arguments>", "The boot loader does not use the configuration that was changed.",
			"Look at /proc/cmdline and at the configuration of the boot loader.", "profiles.kernel"},
		{"D105", "kernel", "there is neither grubby nor update-grub to give the kernel these arguments: <arguments>", "The boot loader of this image is not one that kubespore can configure.",
			"Set the arguments in the image.", "profiles.kernel"},
		{"D106", "nfs", "NFS lacks a running nfs-server.service: journalctl -u nfs-server", "The NFS server did not start.",
			"Read the journal of nfs-server.service. Often the image lacks the package or the kernel module nfsd.", "profiles.nfs"},
		{"D107", "keepalived", "no interface holds <address> yet", "keepalived waits until the network of the machine is up.",
			"Compare the address of the host in the topology with `ip address`.", "hosts"},
		{"D108", "console", "certificates that end soon or have ended: <number>, the first on <date>: <file>", "Less than a tenth of the life of these certificates is left.",
			"`kubespore pki renew`, `kubespore build`, `kubespore kit`, and give the machine its kit.", "pki"},
		{"D109", "cleanup", "remove by hand, they hold the keys of this machine: <media>", "The document of the machine is still on a medium or in a file that could not be removed.",
			"Remove the medium from the machine, and destroy or keep it as you keep private keys.", ""},
		{"D110", "reset", "<list> cannot be read: nothing says what to remove", "The list of what the document wrote is gone.",
			"Install the operating system anew.", ""},
		{"D111", "reset", "could not do everything; restart the machine and run this again", "A mount or process was still in use.",
			"Restart the machine and run `kubespore-reset` again.", ""},
		{"D112", "dhcp", "DHCP has not given <addresses> yet: this machine has no other address", "No DHCP server has answered on the primary port.",
			"Look at the cable, the VLAN of the switch port and the DHCP server. The machine goes on by itself.", "hosts"},
		{"D113", "dhcp", "DHCP has not given <addresses>, which the document names: this machine has <addresses>", "The DHCP server gave another address than the topology names.",
			"Reserve the address for this machine's MAC address in the DHCP server and restart the machine, or change `address` and build again.", "hosts"},
		{"D114", "dhcp", "DHCP gives <addresses> no longer", "The lease ended, or the DHCP server gave another address.",
			"Look at the DHCP server, and restart the machine once it gives this address again.", "hosts"},
	}
}
