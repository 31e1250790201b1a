package pki

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
)

// TestSign has ssh-keygen judge signatures, with nothing but what a machine has.
func TestSign(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(filepath.Join(dir, "store"), Options{Cluster: "prod"})
	if err != nil {
		t.Fatal(err)
	}
	var failed *diag.Failure
	if _, err := s.Sign("test", nil); !errors.As(err, &failed) || failed.Code != "K038" {
		t.Errorf("without a key: %v", err)
	}
	p := smallPlan()
	p.Secrets = append(p.Secrets, plan.SecretSpec{ID: "cluster/signing", Name: "signing", Kind: "keypair", Algorithm: "ECDSA-P256"})
	p.Hosts[1].Deposits = append(p.Hosts[1].Deposits, plan.Deposit{Kind: "secret", ID: "cluster/signing", Form: "public"})
	mustIssue(t, s, p, noon)
	private, _, err := s.read(signingFile)
	if err != nil {
		t.Fatal(err)
	}
	public, err := publicOf(private)
	if err != nil {
		t.Fatal(err)
	}
	pub, sig, signers := filepath.Join(dir, "pub"), filepath.Join(dir, "sig"), filepath.Join(dir, "signers")
	message := []byte("a message\n")
	signature, err := s.Sign("test", message)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := s.Sign("test", message); !bytes.Equal(again, signature) {
		t.Error("the same message gets another signature")
	}
	for file, content := range map[string][]byte{pub: public, sig: signature} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	line, err := exec.Command("ssh-keygen", "-i", "-m", "PKCS8", "-f", pub).Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(signers, append([]byte("cluster "), line...), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		purpose, message string
		good             bool
	}{{"test", "a message\n", true}, {"test", "another message\n", false}, {"kit", "a message\n", false}} {
		verify := exec.Command("ssh-keygen", "-Y", "verify", "-f", signers, "-I", "cluster", "-n", c.purpose, "-s", sig)
		verify.Stdin = bytes.NewReader([]byte(c.message))
		if out, err := verify.CombinedOutput(); (err == nil) != c.good {
			t.Errorf("%+v: %v\n%s", c, err, out)
		}
	}
}
