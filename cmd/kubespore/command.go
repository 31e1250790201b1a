package main

import (
	"slices"

	"github.com/kubespore/kubespore/pkg/inspect"
	"github.com/kubespore/kubespore/pkg/payload"
	"github.com/kubespore/kubespore/pkg/topology"
)

// command is one row of the table below.
type command struct {
	name     string // one word or two: "pki list"
	group    string // a title of groups; of two words, that of the first
	aliases  []string
	hidden   bool   // for those who make a release
	args     string // as the usage line shows them
	summary  string
	detail   string
	examples []string
	flags    []string // keys in flagTable, besides those that every command takes
	min, max int      // number of arguments; max < 0: any number
	run      func(*call) int
	results  []any // a value of each type that --format json may answer with
}

// The groups of the overview, in its order.
const (
	topologyGroup = "From the topology to the documents:"
	keysGroup     = "Keys:"
	payloadGroup  = "The air gap:"
	mediaGroup    = "To the machines:"
	programGroup  = "The program:"
)

// parents are the commands that only lead to others.
func parents() []command {
	return []command{
		{name: "pki", group: keysGroup, summary: "look at the store that holds the cluster's keys"},
		{name: "payload", group: payloadGroup, summary: "collect, lock and verify the programs and images that machines need"},
		{name: "media", group: mediaGroup, summary: "write boot media from the documents of the last build"},
	}
}

// loading is what every command that reads a topology takes.
var loading = []string{"profiles", "strict", "report", "identity", "passphrase-fd"}

// commands is the table that help, completion and the parser read.
func commands() []command {
	return slices.Concat(firstCommands(), sealCommands(), custodyCommands(), []command{reportCommand()}, mediaCommands(), []command{tryCommand(), waitCommand(), kitCommand(), doctorCommand(), adoptCommand()}, lastCommands())
}

func firstCommands() []command {
	return []command{
		{
			name: "init", group: topologyGroup, args: "[FILE]", max: 1, run: runInit,
			summary: "write a commented starter topology",
			detail: `Writes a topology to start from into FILE (topology.yaml when none is given), or
to standard output when FILE is -. A file that exists is never overwritten. Your
public SSH key is put into it: that of --ssh-key, or the one in ~/.ssh; without
either a placeholder stands there, which check refuses.

With --control-plane the file describes these machines, and needs no edit.`,
			examples: []string{
				"kubespore init", "kubespore init --template single prod.yaml", "kubespore init - | less",
				"kubespore init --name prod --control-plane cp1=10.0.0.21/24 --worker w1=10.0.0.31/24 --gateway 10.0.0.1 prod.yaml",
			},
			flags: []string{"template", "name", "endpoint", "control-plane", "worker", "gateway", "nameserver", "os", "ssh-key"},
		},
		{
			name: "check", group: topologyGroup, aliases: []string{"validate"}, args: "TOPOLOGY|FOLDER...", min: 1, max: -1, run: runCheck,
			results: []any{checkResult{}},
			summary: "report every mistake at once, at its line",
			detail: `Compiles the whole cluster in memory with stand-in keys and runs every proof that
a build runs. Touches no keys and writes nothing. Of a folder every topology in it
and below it is checked. --format sarif and --format github print the mistakes for
what shows them in a merge request.`,
			examples: []string{"kubespore check prod.yaml", "kubespore check --strict --format sarif clusters/ > kubespore.sarif", "kubespore init - | kubespore check -"},
			flags:    loading,
		},
		{
			name: "build", group: topologyGroup, aliases: []string{"render", "generate"}, args: "TOPOLOGY", min: 1, max: 1, run: runBuild,
			results: []any{buildResult{}},
			summary: "write one first-boot document for each machine",
			detail: `Compiles the topology into out/: a document for each machine, admin.conf for the
operator and manifest.json. Keys are made once and kept in the store, a folder
next to the topology called CLUSTER.pki: back it up. When anything is wrong,
out/ and the store stay as they were. -o - prints the document of one host and
leaves out/ as it is.

SOURCE_DATE_EPOCH sets the clock, in seconds since 1970.`,
			examples: []string{"kubespore build prod.yaml", "kubespore build -o /srv/prod --pki /secure/prod.pki prod.yaml", "kubespore build --host w7 --host w8 prod.yaml", "kubespore build --host w7 -o - prod.yaml > w7.ign"},
			flags:    append([]string{"output", "pki", "host"}, loading...),
		},
		{
			name: "diff", group: topologyGroup, args: "TOPOLOGY", min: 1, max: 1, run: runDiff,
			results: []any{[]inspect.HostDiff{}},
			summary: "show what a build would change and what you must do then",
			detail: `Compiles in memory and compares with the last build in out/, host by host. Secrets
are masked; -v shows the lines that change. Reads out/ and the store and writes
nothing. With --exit-code the exit code is 3 when something changes.`,
			examples: []string{"kubespore diff prod.yaml", "kubespore diff --exit-code -q prod.yaml || echo something changes"},
			flags:    append([]string{"build", "pki", "host", "exit-code"}, loading...),
		},
		{
			name: "explain", group: topologyGroup, args: "TOPOLOGY|CODE [HOST [PATH]]", min: 1, max: 3, run: runExplain,
			results: []any{[]hostFacts{}, []inspect.Explanation{}, inspect.KeyTable{}, []topology.Setting{}, codeMeaning{}},
			summary: "say which profile wrote a file, from which line, or what a code means",
			detail: `With a topology alone: the hosts and their profiles. With a host: every path that
its document makes, and who wrote it. With a path, unit or item too: that alone,
and all that is known of it. --keys prints which host holds which keys. --settings
prints what counts for a host: at the host itself, in its pool, or at the top. With
the code of a diagnostic: what it means.`,
			examples: []string{"kubespore explain prod.yaml", "kubespore explain T017", "kubespore explain prod.yaml cp1 /etc/kubernetes/manifests/etcd.yaml", "kubespore explain --keys prod.yaml", "kubespore explain --settings prod.yaml w1"},
			flags:    append([]string{"keys", "pki", "settings"}, loading...),
		},
		{
			name: "pki list", group: keysGroup, args: "[TOPOLOGY]", max: 1, run: runPKIList,
			results:  []any{listing{}},
			summary:  "list the certificates of a store and when they expire",
			detail:   "Reads the store of the topology, or the folder that --pki names. Shows no key. A\nbar is the life that a certificate has left. Below the list stand the day on which\nthe first certificate ends, and the day from which a build makes new ones, and each\nrotation that is going on.",
			examples: []string{"kubespore pki list prod.yaml", "kubespore pki list --pki /secure/prod.pki --format json"},
			flags:    []string{"pki", "profiles", "format", "identity", "passphrase-fd"},
		},
		{
			name: "pki renew", group: keysGroup, args: "TOPOLOGY [NAME...]", min: 1, max: 1000, run: runPKIRenew,
			results: []any{renewal{}},
			summary: "make certificates anew before they are due",
			detail: `Makes the named certificates of the store anew, all when none is named, with new
keys and from the same authorities. All of them change at once, or none. NAME is
apiserver for that of every machine, cp1/apiserver for that of one. Authorities
and secrets stay. The machines know nothing of it until they get new documents.

SOURCE_DATE_EPOCH sets the clock, in seconds since 1970.`,
			examples: []string{"kubespore pki renew prod.yaml", "kubespore pki renew --before 90d prod.yaml", "kubespore pki renew prod.yaml cp1/apiserver kubelet-serving"},
			flags:    append([]string{"before", "pki"}, loading...),
		},
		{
			name: "pki rotate", group: keysGroup, args: "TOPOLOGY NAME...", min: 2, max: 100, run: runPKIRotate,
			results: []any{rotation{}},
			summary: "exchange an authority, a key or a password, one phase further",
			detail: `NAME is an authority, such as kubernetes, etcd or front-proxy, or one of the secrets
service-account, encryption-key and vrrp-password. Each call takes it one phase
further: first all machines accept the new one besides the old one (trust), then the
new one is used (issue), then the old one is not accepted any more. After each phase
come kubespore build and kubespore kit, and every machine takes its kit; the command
refuses to go on without a build, and says what is next. A password has one phase.
pki list shows the phase. Nothing changes unless all names can go on.

SOURCE_DATE_EPOCH sets the clock, in seconds since 1970.`,
			examples: []string{"kubespore pki rotate prod.yaml kubernetes", "kubespore pki rotate prod.yaml service-account encryption-key"},
			flags:    append([]string{"pki"}, loading...),
		},
		{
			name: "pki verify", group: keysGroup, args: "[TOPOLOGY]", max: 1, run: runPKIVerify,
			results:  []any{storeResult{}},
			summary:  "check that a store is whole and its certificates good",
			detail:   "Checks chains, keys, dates, modes and owners of the store of the topology, or of\nthe folder that --pki names. Changes nothing.",
			examples: []string{"kubespore pki verify prod.yaml", "kubespore pki verify --pki /secure/prod.pki"},
			flags:    append([]string{"pki"}, loading...),
		},
		{
			name: "payload list", group: payloadGroup, args: "TOPOLOGY", min: 1, max: 1, run: runPayloadList,
			results: []any{payload.Bill{}},
			summary: "list every program and image that the machines need",
			detail: `The bill of materials, from the topology alone: each program with its version and
path, each container image that anything on the machines or in the cluster names,
who needs it, and its digest when it is locked. --script prints a script to run
on a machine with internet.`,
			examples: []string{"kubespore payload list prod.yaml", "kubespore payload list --script prod.yaml > download.sh", "kubespore payload list --format json prod.yaml"},
			flags:    append([]string{"script", "pki"}, loading...),
		},
		{
			name: "payload pack", group: payloadGroup, args: "TOPOLOGY", min: 1, max: 1, run: runPayloadPack,
			results: []any{packResult{}},
			summary: "collect programs and images into one bundle, and lock them",
			detail: `Takes each part from the first source that has it, compares it with the lock, and
writes the bundle and CLUSTER.payload.lock next to the topology: the digests that
documents carry from the next build on. Run again, it goes on where it stopped.
The bundle is a plain tree for a web server; --iso and --squashfs write it as a
volume too, --sysext its programs as systemd-sysext images, --registry its images
as the storage tree of a registry, and --registry-iso that tree as a volume.
--packages carries packages of the machines'
distribution along, locked by their digests; they stay until a folder lacks them.
A server with an authority of its own is trusted by --ca, and told who asks by
--client and --netrc; registries take the login of docker login.

SOURCE_DATE_EPOCH sets the dates on volumes and images.`,
			examples: []string{"kubespore payload pack --from ./payload-download prod.yaml", "kubespore payload pack --from ./programs --from registry:10.0.0.5:5000 --iso payload.iso prod.yaml", "kubespore payload pack --relock --from https://mirror.example/prod/ --ca ca.crt prod.yaml"},
			flags:    append([]string{"from", "bundle", "iso", "squashfs", "sysext", "registry", "registry-iso", "packages", "relock", "ca", "client", "netrc", "pki"}, loading...),
		},
		{
			name: "payload sign", group: payloadGroup, args: "TOPOLOGY", min: 1, max: 1, run: runPayloadSign,
			results: []any{signResult{}},
			summary: "sign the lock with the cluster's key, after it changed elsewhere",
			detail: `From the first build that follows a lock, the store remembers the lock that it
signed, and every command refuses another one. payload pack signs the lock that
it writes, where the store is; this command signs one that was written elsewhere.
Look at what changed first: machines will run it.`,
			examples: []string{"kubespore payload sign prod.yaml", "kubespore payload sign --pki /media/safe/prod.pki prod.yaml"},
			flags:    append([]string{"pki"}, loading...),
		},
		{
			name: "payload verify", group: payloadGroup, args: "TOPOLOGY BUNDLE", min: 2, max: 2, run: runPayloadVerify,
			results: []any{payload.Verified{}},
			summary: "prove that topology, documents and bundle agree",
			detail: `Nothing missing, nothing unused, every digest right: the lock against the topology,
the bundle against the lock, and the documents of the last build against both.
BUNDLE is the folder, the ISO, the disk image, the drive or stick it was written
to, the URL of a mirror, or oci:REGISTRY/PATH:TAG.`,
			examples: []string{"kubespore payload verify prod.yaml payload", "kubespore payload verify prod.yaml payload.iso", "kubespore payload verify prod.yaml http://192.168.200.9/payload"},
			flags:    append([]string{"build", "ca", "client", "netrc", "pki"}, loading...),
		},
		{
			name: "payload push", group: payloadGroup, args: "BUNDLE oci:REFERENCE", min: 2, max: 2, run: runPayloadPush,
			results: []any{pushResult{}},
			summary: "write a bundle into a registry, as an OCI artefact",
			detail: `Any registry takes it: Harbor, Zot, the one that distribution makes. The files of the
bundle are layers under their paths, as oras has them. Prints the digest by which
cosign signs it; the same bundle has the same digest. Registries take the login of
docker login.`,
			examples: []string{"kubespore payload push payload oci:registry.example/payloads/prod:2026-11", "cosign sign --key cosign.key $(kubespore payload push payload oci:registry.example/payloads/prod:2026-11)"},
			flags:    []string{"ca", "client", "netrc", "format"},
		},
		{
			name: "payload pull", group: payloadGroup, args: "oci:REFERENCE", min: 1, max: 1, run: runPayloadPull,
			results: []any{pullResult{}},
			summary: "fetch a bundle from a registry into a folder",
			detail: `Writes the files of the bundle into --output, each checked by its digest. What is there
with the same content stays, so that the command goes on where it was interrupted.
A digest in place of a tag (@sha256:...) takes that bundle and no other.`,
			examples: []string{"kubespore payload pull oci:registry.example/payloads/prod:2026-11", "kubespore payload pull -o /srv/payload oci:registry.example/payloads/prod@sha256:..."},
			flags:    []string{"bundle", "ca", "client", "netrc", "format"},
		},
	}
}

func lastCommands() []command {
	return []command{
		{
			name: "schema", group: programGroup, args: "[topology|profile|COMMAND]", max: 2, run: runSchema,
			summary: "print the JSON Schema of a file or of a command's JSON",
			detail: `Editors that know the schema of a file complete and check it. Without a word it is
the schema of topologies, with the parameters of all profiles; profile is that of
profile.yaml. With a command it is the schema of what the command prints with
--format json.`,
			examples: []string{"kubespore schema > kubespore.schema.json", "kubespore schema profile > profile.schema.json", "kubespore schema pki list > pki-list.schema.json"},
			flags:    []string{"profiles"},
		},
		{
			name: "version", group: programGroup, run: runVersion,
			results:  []any{versionResult{}},
			summary:  "print the version and the Kubernetes releases it knows",
			examples: []string{"kubespore version", "kubespore version --format json"},
			flags:    []string{"format"},
		},
		{
			name: "man", group: programGroup, hidden: true, args: "FOLDER", min: 1, max: 1, run: runMan,
			summary:  "write the manual pages",
			detail:   "Writes a page for each command into FOLDER, which a package installs below\n/usr/share/man/man1.",
			examples: []string{"kubespore man man1"},
		},
	}
}
