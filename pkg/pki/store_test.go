package pki

import (
	"errors"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kubespore/kubespore/pkg/durable"
	"github.com/kubespore/kubespore/pkg/durable/durabletest"
	"github.com/kubespore/kubespore/pkg/plan"
)

func TestLayout(t *testing.T) {
	dir := built(t, smallPlan())
	got, err := durable.Files(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		".gitignore", "ca/etcd.crt", "ca/etcd.key", "ca/kubernetes.crt", "ca/kubernetes.key",
		"cluster/admin.crt", "cluster/admin.key", "cluster/encryption-key.secret", "cluster/service-account.key", "cluster/vrrp.secret",
		"hosts/cp1/etcd-server.crt", "hosts/cp1/etcd-server.key", "hosts/cp1/kubelet-client.crt", "hosts/cp1/kubelet-client.key",
		"hosts/w1/kubelet-client.crt", "hosts/w1/kubelet-client.key", "store.json",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if list := mustOpenReadOnly(t, dir).Verify(noon); len(list) > 0 {
		t.Errorf("verify: %v", list)
	}
}

func TestSecrets(t *testing.T) {
	p := smallPlan()
	p.Secrets[1].Algorithm = "RSA-2048"
	dir := built(t, p)
	keys := mustIssue(t, mustOpenReadOnly(t, dir), p, noon)
	if v := keys.Secrets["cluster/encryption-key"].Value; len(v) != 44 {
		t.Errorf("32 random bytes are %d characters of base64", len(v))
	}
	password := string(keys.Secrets["cluster/vrrp"].Value)
	if len(password) != 8 || strings.Trim(password, passwordLetters) != "" {
		t.Errorf("the password has %d characters, or some that it must not have", len(password))
	}
	account := keys.Secrets["cluster/service-account"]
	key, err := parseKey(account.Value)
	if err != nil || algorithmOf(key.Public()) != "RSA-2048" || !strings.HasPrefix(string(account.Public), "-----BEGIN PUBLIC KEY-----\n") {
		t.Errorf("service account: %v", err)
	}
}

// Two stores at once: the second is told who is there.
func TestTwoStores(t *testing.T) {
	dir := built(t, smallPlan())
	first := mustOpen(t, dir)
	if _, err := Open(dir, Options{Cluster: "prod"}); codeOf(err) != "K002" || !strings.Contains(err.Error(), "another kubespore is using "+dir) {
		t.Errorf("second store: %v", err)
	}
	if _, err := OpenReadOnly(dir, Options{Cluster: "prod"}); err != nil {
		t.Errorf("reading beside a writer: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, dir)
}

// A build that fails before Commit leaves no trace.
func TestCloseWithoutCommit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "prod.pki")
	s := mustOpen(t, dir)
	mustIssue(t, s, smallPlan(), noon)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is there: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(dir string) error
		code   string
	}{
		"another cluster": {func(d string) error {
			return os.WriteFile(d+"/store.json", []byte(`{"version":1,"cluster":"test"}`), 0o600)
		}, "K003"},
		"damaged identity": {func(d string) error { return os.WriteFile(d+"/store.json", []byte(`{`), 0o600) }, "K004"},
		"newer store": {func(d string) error {
			return os.WriteFile(d+"/store.json", []byte(`{"version":3,"cluster":"prod"}`), 0o600)
		}, "K004"},
		"sealed or not": {func(d string) error {
			return os.WriteFile(d+"/store.json", []byte(`{"version":2,"cluster":"prod"}`), 0o600)
		}, "K004"},
		"no store": {func(d string) error { return os.Remove(d + "/store.json") }, "K004"},
		"a file":   {func(d string) error { return errors.Join(os.RemoveAll(d), os.WriteFile(d, nil, 0o600)) }, "K001"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := built(t, smallPlan())
			if err := test.change(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir, Options{Cluster: "prod"}); codeOf(err) != test.code {
				t.Errorf("open: %v, want %s", err, test.code)
			}
			if _, err := OpenReadOnly(dir, Options{Cluster: "prod"}); codeOf(err) != test.code {
				t.Errorf("open for reading: %v, want %s", err, test.code)
			}
			if _, err := os.Stat(filepath.Join(dir, lockName)); err == nil {
				t.Error("the lock is left")
			}
		})
	}
}

func TestReadOnlyFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting a small file system needs root")
	}
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	defer unix.Unmount(disk, unix.MNT_DETACH)
	dir := filepath.Join(disk, "prod.pki")
	s := mustOpen(t, dir)
	keys := mustIssue(t, s, smallPlan(), noon)
	if err := errors.Join(s.Commit(), s.Close(), unix.Mount("", disk, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{Cluster: "prod"}); codeOf(err) != "K001" || !strings.Contains(err.Error(), "the file system is read-only") {
		t.Errorf("open: %v", err)
	}
	if again := mustIssue(t, mustOpenReadOnly(t, dir), smallPlan(), noon); !reflect.DeepEqual(keys, again) {
		t.Error("reading gives other keys")
	}
}

// A commit that is killed or meets a full disk anywhere leaves the old store or
// the new one, and no key of either is lost.
func TestCommitInterruptedAnywhere(t *testing.T) {
	small, grown := smallPlan(), smallPlan()
	grown.Certs = append(grown.Certs, kubeletClient("w2"))
	grown.Certs[1].DNSNames = append(grown.Certs[1].DNSNames, "etcd.example")
	for _, full := range []bool{false, true} {
		sides := map[string]int{}
		for n := 1; ; n++ {
			dir := built(t, small)
			digests := map[string]string{mustDigest(t, mustOpenReadOnly(t, dir)): "old"}
			failing := &durabletest.FS{}
			s, err := Open(dir, Options{Cluster: "prod", FS: failing})
			if err != nil {
				t.Fatal(err)
			}
			mustIssue(t, s, grown, noon)
			digests[mustDigest(t, s)] = "new"
			if at := failing.Changes() + n; full {
				failing.FullAt = at
			} else {
				failing.KillAt = at
			}
			err = s.Commit()
			s.Close()
			seen := digests[mustDigest(t, mustOpenReadOnly(t, dir))]
			after := mustOpen(t, dir)
			if now := digests[mustDigest(t, after)]; now != seen || now == "" {
				t.Fatalf("change %d: a reader saw %q, the next build has %q", n, seen, now)
			}
			if list := after.Verify(noon); list.HasErrors() {
				t.Fatalf("change %d: %v", n, list)
			}
			after.Close()
			sides[seen]++
			if err == nil {
				break
			}
		}
		if len(sides) != 2 {
			t.Errorf("the interruptions did not hit both sides of the moment: %v", sides)
		}
	}
}

func mustDigest(t *testing.T, s *Store) string {
	t.Helper()
	d, err := s.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestCommitWritesOnlyWhatChanged(t *testing.T) {
	p := smallPlan()
	dir := built(t, p)
	p.Certs[1].DNSNames = append(p.Certs[1].DNSNames, "etcd.example")
	s := mustOpen(t, dir)
	mustIssue(t, s, p, noon)
	got := slices.Sorted(maps.Keys(s.written))
	if want := []string{"hosts/cp1/etcd-server.crt", "hosts/cp1/etcd-server.key"}; !slices.Equal(got, want) {
		t.Errorf("it would write %v, want %v", got, want)
	}
}

func TestAllocations(t *testing.T) {
	dir := built(t, smallPlan())
	s := mustOpen(t, dir)
	if a, err := s.Allocations(); err != nil || !reflect.DeepEqual(a, plan.Allocations{}) {
		t.Errorf("of a new store: %v, %v", a, err)
	}
	want := plan.Allocations{PodCIDRs: map[string][]netip.Prefix{"w1": {netip.MustParsePrefix("10.240.1.0/24")}}, VRRP: map[string]int{"prod": 51}, Generation: 3, Objects: "abc"}
	s.SetAllocations(want)
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	s.SetAllocations(want)
	if len(s.written) > 0 {
		t.Error("the same allocations are written again")
	}
	s.Close()
	if got, err := mustOpenReadOnly(t, dir).Allocations(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, allocationsName), []byte(`{"podCIDR":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := mustOpenReadOnly(t, dir).Allocations(); codeOf(err) != "K005" {
		t.Errorf("damaged: %v", err)
	}
}

// A host that is gone from the plan keeps its keys, for it may come back.
func TestRemovedHost(t *testing.T) {
	p := smallPlan()
	dir := built(t, p)
	old := mustIssue(t, mustOpenReadOnly(t, dir), p, noon)
	without := smallPlan()
	without.Certs, without.Hosts = without.Certs[:3], without.Hosts[:1]
	s := mustOpen(t, dir)
	mustIssue(t, s, without, noon)
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	var unused []string
	for _, e := range s.List(noon) {
		if e.Unused {
			unused = append(unused, e.File)
		}
	}
	if !slices.Equal(unused, []string{"hosts/w1/kubelet-client.crt"}) {
		t.Errorf("unused: %v", unused)
	}
	s.Close()
	if again := mustIssue(t, mustOpenReadOnly(t, dir), p, noon); !reflect.DeepEqual(old, again) {
		t.Error("the host came back with other keys")
	}
}

func TestList(t *testing.T) {
	dir := built(t, smallPlan())
	list := mustOpenReadOnly(t, dir).List(noon)
	if len(list) != 6 {
		t.Fatalf("%d entries", len(list))
	}
	want := Entry{Name: "etcd-server", Host: "cp1", File: "hosts/cp1/etcd-server.crt", CommonName: "cp1", Authority: "etcd",
		NotBefore: noon.Add(-24 * time.Hour), NotAfter: noon.Add(year), RenewBy: noon.Add(year - (year+backdate)/3), Left: float64(year) / float64(year+backdate), HasKey: true}
	if got := list[3]; got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if e := list[0]; !e.IsAuthority() || e.Name != "etcd" || e.Authority != "etcd" || e.Host != "" {
		t.Errorf("an authority: %+v", e)
	}
}
