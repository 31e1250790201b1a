package plan

import (
	"net/netip"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

// Plan is everything that is decided before a key is made or a line rendered.
// The same topology, catalog and allocations give an equal plan.
type Plan struct {
	Topology    *topology.Topology
	Catalog     *profile.Catalog
	Cluster     *Cluster
	Hosts       []*Host            // sorted by name
	Profiles    []*profile.Profile // selected on some host, sorted by name
	Slots       []string           // that profiles fill on some host, sorted
	Authorities []AuthoritySpec
	Certs       []CertSpec   // sorted by ID
	Secrets     []SecretSpec // sorted by ID
	Manifests   []ManifestSpec
	Advice      diag.List   // what is missing, to be said when nothing is wrong
	Allocations Allocations // what the store must remember after this build
}

// Host is one machine with all that was decided for it.
type Host struct {
	*HostFacts
	System   *profile.System // nil where no profile describes it
	Selected []*Selected     // peers sorted by name, then OS layers
	Deposits []Deposit       // files of key material, sorted by path
	Images   []ImageRef      // sorted
	Binaries []BinaryRef     // sorted by path
	Programs []Program       // that its system must bring, sorted
	Packages []PackageRef    // that bring them, where its images do not, and others; sorted
	Overlays []string        // cluster overlays, then the host's own
	Ports    []Opening       // that profiles open in the firewall
	Sysctls  []Sysctl        // that profiles need, sorted by key
	Delivery string
	Given    map[string]topology.Selection // what the topology says of profiles on this host
}

// Selected is a profile on a host with its parameters and vars resolved.
type Selected struct {
	*profile.Profile
	Params map[string]any
	Vars   map[string]string
	// FragmentFiles are the profile's fragments whose conditions hold on this
	// host, repeated for each element where they ask for it.
	FragmentFiles []FragmentFile
}

// FragmentFile is a Butane file of a profile on a host.
type FragmentFile struct {
	File string // in the profile's folder
	Each any    // .Each of its templates; nil when it is not repeated
}

// AuthoritySpec is a certificate authority to have.
type AuthoritySpec struct {
	Name       string
	CommonName string
	Algorithm  string // topology.KeyAlgorithms
	Life       time.Duration
	Position   diag.Position
}

// CertSpec is a certificate to have.
type CertSpec struct {
	ID            string // store path: hosts/cp1/apiserver or cluster/admin
	Host          string // "" for the cluster's own
	Name          string // as in the profile
	Authority     string
	CommonName    string
	Organizations []string // sorted
	DNSNames      []string // sorted
	Addresses     []netip.Addr
	Usages        []string // client, server; sorted
	Algorithm     string
	Life          time.Duration
	Output        *Output
	Position      diag.Position
}

// Output is a file of the build's own folder made from a certificate.
type Output struct{ Path, Form, Server string }

// SecretSpec is a secret to have.
type SecretSpec struct {
	ID        string // store path: cluster/encryption-key
	Name      string
	Host      string
	Kind      string // random, password, keypair, file
	Size      int
	Algorithm string // of a keypair
	Value     string // of a file: the user keeps it next to the topology, and not the store
	File      string // of a file: its name as diagnostics have it
	Rotation  string // steps, at-once; "" where it does not rotate
	Position  diag.Position
}

// Deposit is a file of key material on a host.
type Deposit struct {
	Kind     string // cert, authority or secret
	ID       string // of the CertSpec, AuthoritySpec (its name) or SecretSpec
	Path     string // may hold {date}
	Link     string
	Form     string // certificate, signer, key, public, bundle, kubeconfig, kubeconfig-file, value
	Mode     int
	User     string
	Group    string
	Server   string // of a kubeconfig
	Profile  string
	File     string // next to the topology, as diagnostics name it, where the user wrote the text
	Position diag.Position
}

// FormKubeconfigFile is a kubeconfig that names the certificate and the key by
// the path of another deposit of the same certificate, which something on the
// host renews.
const FormKubeconfigFile = "kubeconfig-file"

// Where the IDs of certificates and secrets begin, by what they are one of.
const (
	clusterScope = "cluster/"
	hostScope    = "hosts/" // then the name of the host
)

// OfHost says whether the file holds what this host alone has. Authorities, and
// certificates and secrets of the cluster, may be on other hosts too.
func (d Deposit) OfHost() bool { return strings.HasPrefix(d.ID, hostScope) }

// HoldsKey says whether the file holds a private key or another secret.
func (d Deposit) HoldsKey() bool {
	return isPrivate(d.Form)
}

// ManifestSpec is a file of objects for the cluster.
type ManifestSpec struct {
	Profile  *Selected // parameters as the cluster sets them
	File     string    // in the profile's folder: manifests/rbac.yaml
	Name     string    // on the machine, in the profile's folder there
	UserFile *UserFile // the user's own, taken as it is, instead of File
}

// ImageRef is one line of the bill of materials.
type ImageRef struct {
	Name    string // as templates ask for it
	Ref     string
	Profile string
	// Packages of Debian that payload pack makes the image of; none when a
	// registry has it.
	Packages []string
	Locked   *LockedImage // nil unless the operator has pinned it
}

// BinaryRef is a program of the bill of materials.
type BinaryRef struct {
	Name, Path, Version, Profile string
	URL, Member                  string        // where its makers publish it: see profile.Binary
	Arch                         string        // of the host; AnyArch for a manifest
	Locked                       *LockedBinary // nil unless the operator has pinned it
}

// Allocations are given once and kept permanently in allocations.json. A nil map
// is an empty one.
type Allocations struct {
	PodCIDRs   map[string][]netip.Prefix `json:"podCIDRs"`            // by host name
	VRRP       map[string]int            `json:"vrrp"`                // virtual router ids as cluster/NAME, priorities as hosts/NAME
	Founders   []string                  `json:"founders"`            // the members of etcd at the first build, sorted; later ones join them
	Last       *Record                   `json:"last"`                // nil before the first build
	Generation int                       `json:"generation"`          // counts changes of what the cluster is to hold
	Objects    string                    `json:"objects"`             // digest of what the generation stands for
	Rotations  map[string]Rotation       `json:"rotations,omitempty"` // by name in the store: ca/kubernetes, cluster/service-account
	Chains     []string                  `json:"-"`                   // authorities that the store holds with those above them, sorted
}

// Pair is a certificate and its key as PEM. Key is nil where the key is kept
// elsewhere (custody offline with a certificate only).
type Pair struct {
	Certificate []byte // of an authority: first its own, then all that machines trust besides
	Signer      []byte // of an authority: its own certificate alone
	Key         []byte
	NotBefore   time.Time
	NotAfter    time.Time
	Made        time.Time // or earlier, where the certificate does not tell
}

// Keys is all key material of a build, as pkg/pki hands it out. The key of
// each map is the ID of the spec (the name, for authorities).
type Keys struct {
	Authorities map[string]Pair
	Certs       map[string]Pair
	Secrets     map[string]Secret
	// Floor is the earliest moment at which every certificate is valid, to
	// which a machine moves a clock that is behind it.
	Floor time.Time
	// Floors is the same for each host by name, from what that host holds
	// alone: this is what its document must use, or one new certificate would
	// change every document.
	Floors map[string]time.Time
}

// Secret is the value of a SecretSpec.
type Secret struct {
	Value  []byte // base64 text of random bytes, the password, or the PEM private key
	Public []byte // PEM public key of a keypair
}
