package doctor

// kitStates are about kits.
func kitStates() []State {
	const again = "Copy the kit again. When it is still refused, make it again with `kubespore kit`."
	return []State{
		{"D301", "kit", "the key of the cluster in <file> cannot be read", "The public key was changed or is damaged.", "Give the machine its document again.", ""},
		{"D302", "kit", "there is no <file> in <folder>", "The folder is not a kit, or was not copied whole.", again, ""},
		{"D303", "kit", "it is for the cluster <name>, and this machine is of <name>", "The kit is of another cluster.", "Give the machine its own kit.", ""},
		{"D304", "kit", "the key of the cluster has not signed it, or it was changed since", "The kit was changed, or the store that made it is not the store that made this machine.", again, ""},
		{"D305", "kit", "it is for <host>, and this machine is <host>", "The kit is of another machine.", "Give the machine its own kit.", ""},
		{"D306", "kit", "its program was changed", "The kit was changed after it was signed.", again, ""},
		{"D307", "kit", "there is nothing to put back", "The machine has taken no kit, or has put the last one back already.", "Nothing.", ""},
		{"D308", "kit", "it is older than what this machine has", "The build of the kit is older than what the machine has.", "Make a kit of the last build.", ""},
		{"D309", "kit", "it does not lead from what this machine is (state <state>) to what it says: no build of this store has made this machine so",
			"More than eight builds lie between, or another store made the machine.", "Boot the machine from its new document.", ""},
		{"D310", "kit", "a file is missing in <folder>: <digest>", "The kit was not copied whole.", again, ""},
		{"D311", "kit", "a file in <folder> was changed: <digest>", "The kit was changed after it was signed.", again, ""},
		{"D312", "kit", "this machine may not be down now", "Another machine has its turn, or the cluster is not healthy, and it did not change within ten minutes.",
			"Look for the machine that has its turn: docs/kit.md. When the whole cluster is down: `kubespore-kit apply --now`.", ""},
		{"D313", "kit", "this machine may not be down while another one is", "A control plane or a member of etcd is not healthy.",
			"Repair that one first. When the whole cluster is down: `kubespore-kit apply --now`.", ""},
		{"D314", "kit", "the files are in place, and this machine is not well", "A unit or static pod did not start, or did not become healthy, after its restart.",
			"Read its journal. `kubespore-kit back` puts the old files back.", ""},
		{"D315", "kit", "another machine has its turn", "Control planes take their kits one after the other.", "Wait. When the other machine is dead: docs/kit.md.", ""},
		{"D316", "kit", "the cluster does not answer", "etcd has no majority, or no API server answers.", "Power on the other machines, or use `--now` when all of them are down.", ""},
		{"D317", "kit", "etcd of this machine does not answer", "etcd restarts, or its new configuration is wrong.", "Wait ten minutes, then read the log of etcd; `kubespore-kit back` goes back.", ""},
		{"D318", "kit", "the API server of this machine is not ready", "The API server restarts, or its new configuration is wrong.", "Wait ten minutes, then read its log; `kubespore-kit back` goes back.", ""},
		{"D319", "kit", "not every member of etcd is healthy", "A member of etcd is down, so this one may not restart.", "Repair that member first.", ""},
		{"D320", "kit", "the API server at <address> is not ready", "An API server is down, so this one may not restart.", "Repair that machine first.", ""},
	}
}
