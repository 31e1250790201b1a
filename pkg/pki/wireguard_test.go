package pki

import (
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kubespore/kubespore/pkg/plan"
)

// TestWireguardPublic: the public half of a key is that of RFC 7748, section 6.1.
func TestWireguardPublic(t *testing.T) {
	b64 := func(digits string) string {
		raw, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(raw)
	}
	private, want := b64("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"), b64("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
	got, err := wireguardPublic([]byte(private + "\n"))
	if err != nil || string(got) != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	for _, damaged := range []string{"", "not base64", private[:40], private + private} {
		if _, err := wireguardPublic([]byte(damaged)); err == nil {
			t.Errorf("%q is taken for a key", damaged)
		}
	}
}

// TestWireguardSecret: each host keeps its own key, with the bits that `wg genkey` sets, and a
// damaged one is reported.
func TestWireguardSecret(t *testing.T) {
	p := smallPlan()
	for _, host := range []string{"cp1", "w1"} {
		p.Secrets = append(p.Secrets, plan.SecretSpec{ID: "hosts/" + host + "/wireguard", Name: "wireguard", Host: host, Kind: "wireguard"})
	}
	dir := built(t, p)
	first := mustIssue(t, mustReadOnly(t, dir), p, noon).Secrets
	again := mustIssue(t, mustReadOnly(t, dir), p, noon).Secrets
	key := first["hosts/w1/wireguard"]
	raw, err := base64.StdEncoding.DecodeString(string(key.Value))
	if err != nil || len(raw) != 32 || raw[0]&7 != 0 || raw[31]&192 != 64 || len(key.Public) != 44 {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
	if !slices.Equal(key.Value, again["hosts/w1/wireguard"].Value) || slices.Equal(key.Value, first["hosts/cp1/wireguard"].Value) {
		t.Error("the key changes, or is shared")
	}
	if err := os.WriteFile(filepath.Join(dir, "hosts/w1/wireguard.secret"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, list := mustReadOnly(t, dir).Issue(p, noon, nil); !slices.Contains(codes(list), "K024") {
		t.Errorf("a damaged key: %v", list)
	}
}

func mustReadOnly(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := OpenReadOnly(dir, Options{Cluster: "prod"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
