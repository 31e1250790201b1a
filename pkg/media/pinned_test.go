package media

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
)

// leadingOf reads a document of ours and the files that are in it.
func leadingOf(t *testing.T, text string) (leading, map[string]string) {
	t.Helper()
	var out leading
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	if out.Storage == nil {
		return out, files
	}
	for _, f := range out.Storage.Files {
		if f.Mode != 0o600 {
			t.Errorf("%s: mode %o", f.Path, f.Mode)
		}
		files[f.Path] = inlined(t, f.Contents)
	}
	return out, files
}

func inlined(t *testing.T, r ignitionResource) string {
	t.Helper()
	content, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Source, "data:;base64,"))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestPinned follows a machine that boots over HTTPS: the archive next to its
// initramfs says where its document is, whom to trust there, and what it says.
func TestPinned(t *testing.T) {
	authority, server := []byte("AUTHORITY"), &Server{Certificate: []byte("CERTIFICATE"), Key: []byte("KEY")}
	for system, where := range map[string]string{"fedora-coreos": "config.ign", "flatcar": "usr/share/oem/config.ign", "debian": "usr/lib/ignition/user.ign"} {
		for _, install := range []string{"", "/dev/vda"} {
			if system == "debian" && install != "" {
				continue
			}
			h := ignitionHost("a", system)
			dir := t.TempDir()
			write(t, dir, PXE(Netboot{URL: "https://boot.example", Install: install, Authority: authority, Server: server}), h)
			got := tree(t, dir)
			if got["boot-server/ca.crt"] != "AUTHORITY" || got["boot-server/server.crt"] != "CERTIFICATE" || got["boot-server/server.key"] != "KEY" {
				t.Error("the web server is not given its own")
			}
			script := got["pxe/mac-52-54-00-00-00-0a.ipxe"]
			for _, told := range []string{"/hosts/", "ignition.config.url", "coreos.inst"} {
				if strings.Contains(script, told) {
					t.Errorf("%s: the arguments say %s, and not whom to trust: %s", system, told, script)
				}
			}
			_, archive, found := strings.Cut(script, "\ninitrd --name document ")
			archive, _, _ = strings.Cut(archive, "\n")
			if !found || !strings.Contains(script, " initrd=main initrd=document ") {
				t.Fatalf("%s: %s", system, script)
			}
			pointer, _ := leadingOf(t, unpack(t, got["pxe/"+archive])[where])
			target := "https://boot.example/hosts/" + token([]byte(document(t, h))) + "/config.ign"
			served := got["pxe/"+strings.TrimPrefix(target, "https://boot.example/")]
			sum := sha512.Sum512([]byte(served))
			to, by := pointer.Ignition.Config.Replace, pointer.Ignition.Security.TLS.CertificateAuthorities
			if to.Source != target || to.Verification.Hash != "sha512-"+hex.EncodeToString(sum[:]) || len(by) != 1 || inlined(t, by[0]) != "AUTHORITY" {
				t.Errorf("%s: %+v", system, pointer)
			}
			if install == "" && served != document(t, h) {
				t.Errorf("%s: another document", system)
			}
			if _, files := leadingOf(t, served); install != "" && files[map[string]string{"fedora-coreos": installedDocument, "flatcar": flatcarFolder + "config.ign"}[system]] != document(t, h) {
				t.Errorf("%s: the system is installed without its document: %v", system, files)
			}
		}
	}
}

// TestFlatcarInstalls looks at what the live system of Flatcar is told, where
// every system trusts its server, and where not.
func TestFlatcarInstalls(t *testing.T) {
	h := ignitionHost("a", "flatcar")
	for _, test := range []struct {
		m                 Medium
		document, command string
		wgetrc            string
	}{
		{PXE(Netboot{URL: "http://10.0.0.5", Install: "/dev/disk/by-id/a b"}), "pxe/hosts/" + token([]byte(document(t, h))) + "/config.ign",
			`-d "/dev/disk/by-id/a b" -b "http://10.0.0.5/images/flatcar-amd64" -i /etc/kubespore-install/config.ign`, ""},
		{PXE(Netboot{URL: "https://10.0.0.5", Install: "/dev/sda", Authority: []byte("A")}), "pxe/hosts/" + token([]byte(document(t, h))) + "/config.ign",
			`-d "/dev/sda" -b "https://10.0.0.5/images/flatcar-amd64" -i `, "ca_certificate = /etc/kubespore-install/ca.crt\n"},
		{Matchbox(Netboot{URL: "http://10.0.0.5:8080", Install: "/dev/sda"}), "matchbox/ignition/a.ign",
			`-d "/dev/sda" -b "http://10.0.0.5:8080/assets/flatcar-amd64" -i `, ""},
	} {
		dir := t.TempDir()
		write(t, dir, test.m, h)
		out, files := leadingOf(t, tree(t, dir)[test.document])
		if files[flatcarFolder+"config.ign"] != document(t, h) || files[flatcarFolder+"wgetrc"] != test.wgetrc {
			t.Errorf("%v", files)
		}
		if u := out.Systemd.Units[0]; !u.Enabled || !strings.Contains(u.Contents, "\nExecStart=/usr/bin/flatcar-install "+test.command) {
			t.Errorf("%+v", u)
		}
	}
	if got := unitWord(`/dev/a%b"\$c`); got != `"/dev/a%%b\"\\$$c"` {
		t.Error(got)
	}
}

// authority makes a certificate; of an authority, where that is wanted.
func authority(t *testing.T, isCA bool, until time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mine"}, NotAfter: until, IsCA: isCA, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestAuthorities(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	one, two := authority(t, true, now.Add(time.Hour)), authority(t, true, now.Add(time.Hour))
	if got, err := Authorities("ca.pem", []byte("# ours\n"+one+"\n"+two), now); err != nil || string(got) != one+two {
		t.Error(string(got), err)
	}
	for text, want := range map[string]string{
		"":                                      "it holds no certificate in PEM form",
		authority(t, false, now.Add(time.Hour)): "CN=mine is not an authority",
		authority(t, true, now.Add(-time.Hour)): "CN=mine has expired on 2025-12-31",
		"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n": "it holds a PRIVATE KEY",
		"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n": "a certificate in it is damaged",
	} {
		_, err := Authorities("ca.pem", []byte(text), now)
		var list diag.List
		list.AddError("", err)
		if len(list) != 1 || list[0].Code != "M022" || list[0].Hint == "" || !strings.HasSuffix(list[0].Message, want) {
			t.Errorf("%s: %+v", want, list)
		}
	}
}
