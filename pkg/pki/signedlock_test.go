package pki

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/plan"
)

// signingPlan is the plan of a cluster with a signing key.
func signingPlan() *plan.Plan {
	p := smallPlan()
	p.Secrets = append(p.Secrets, plan.SecretSpec{ID: "cluster/signing", Name: "signing", Kind: "keypair", Algorithm: "ECDSA-P256"})
	p.Hosts[1].Deposits = append(p.Hosts[1].Deposits, plan.Deposit{Kind: "secret", ID: "cluster/signing", Form: "public"})
	return p
}

// TestSignedLock lets ssh-keygen judge the signature with nothing but the public
// half of the key, as anyone on a machine may.
func TestSignedLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s, err := Open(dir, Options{Cluster: "prod"})
	if err != nil {
		t.Fatal(err)
	}
	mustIssue(t, s, signingPlan(), noon)
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	before, err := s.Digest()
	if err != nil {
		t.Fatal(err)
	}
	lock, other := []byte("a lock\n"), []byte("another lock\n")
	if signature, same, err := s.SignedLock(other); signature != nil || !same || err != nil {
		t.Fatalf("before any signature: %q, %v, %v", signature, same, err)
	}
	signature, err := s.SignLock(lock)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{string(lock): true, string(other): false, "": false} {
		if kept, same, err := s.SignedLock([]byte(text)); !bytes.Equal(kept, signature) || same != want || err != nil {
			t.Errorf("%q: the lock that was signed: %v, %v", text, same, err)
		}
	}
	if after, err := s.Digest(); after != before || err != nil {
		t.Error("a signature changes what documents are made of")
	}
	if list := s.Verify(noon); len(list) > 0 {
		t.Error(list)
	}
	judge(t, s, lock, signature, true)
	judge(t, s, other, signature, false)
}

// judge asks ssh-keygen about a signature.
func judge(t *testing.T, s *Store, text, signature []byte, want bool) {
	t.Helper()
	dir := t.TempDir()
	private, _, err := s.read(signingFile)
	if err != nil {
		t.Fatal(err)
	}
	public, err := publicOf(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"signing.pub": public, "payload.lock.sig": signature} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// As docs/air-gap.md has it.
	script := exec.Command("bash", "-c", `ssh-keygen -Y verify -f <(echo "cluster $(ssh-keygen -i -m PKCS8 -f signing.pub)") -I cluster -n kubespore-payload -s payload.lock.sig`)
	script.Dir, script.Stdin = dir, bytes.NewReader(text)
	out, err := script.CombinedOutput()
	if good := err == nil && strings.Contains(string(out), `Good "kubespore-payload" signature`); good != want {
		t.Errorf("ssh-keygen: %v: %s", err, out)
	}
}
