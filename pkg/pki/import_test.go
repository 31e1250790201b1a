package pki

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What does not fit is refused with a reason and a hint, and nothing is written.
func TestImportProblems(t *testing.T) {
	r := newRoom(t)
	r.root(ecdsaKey...)
	for name, extensions := range map[string]string{"middle": "middle", "narrow": "narrow", "short": "short", "servers": "serversonly", "leaf": "leaf", "nosign": "nosign"} {
		r.child(name, extensions)
	}
	r.openssl("x509", "-in", "root.crt", "-outform", "der", "-out", "root.der")
	r.openssl("pkey", "-in", "root.key", "-aes256", "-passout", "pass:x", "-out", "locked.key")
	r.openssl("req", "-x509", "-config", "room.cnf", "-extensions", "root", "-nodes", "-newkey", "rsa:1024", "-subj", "/CN=weak", "-keyout", "weak.key", "-out", "weak.crt")
	// An authority below one that allows none.
	r.openssl("req", "-new", "-config", "room.cnf", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=lowest", "-keyout", "lowest.key", "-out", "lowest.csr")
	r.openssl("x509", "-req", "-in", "lowest.csr", "-CA", "short.crt", "-CAkey", "short.key", "-set_serial", "7", "-extfile", "room.cnf", "-extensions", "middle", "-out", "lowest.crt")
	for name, test := range map[string]struct {
		authority string
		files     []string
		now       time.Time
		code, say string
	}{
		"DER":               {"etcd", []string{"root.der"}, time.Time{}, "K045", "no certificate and no key in PEM"},
		"encrypted key":     {"etcd", []string{"root.crt", "locked.key"}, time.Time{}, "K045", "encrypted"},
		"request":           {"etcd", []string{"middle.csr"}, time.Time{}, "K045", "holds a request"},
		"unknown authority": {"etdc", []string{"root.crt", "root.key"}, time.Time{}, "K046", `no authority "etdc"`},
		"no authority said": {"", []string{"root.crt"}, time.Time{}, "K046", "no key for the certificate"},
		"key of another":    {"etcd", []string{"root.crt", "middle.key"}, time.Time{}, "K047", "not the one of any"},
		"no CA":             {"etcd", []string{"leaf.crt", "leaf.key", "root.crt"}, time.Time{}, "K048", "CA:TRUE"},
		"no signing":        {"etcd", []string{"nosign.crt", "nosign.key", "root.crt"}, time.Time{}, "K048", "certificate signing"},
		"name constraints":  {"etcd", []string{"narrow.crt", "narrow.key", "root.crt"}, time.Time{}, "K048", "is not permitted by any constraint"},
		"servers only":      {"kubernetes", []string{"servers.crt", "servers.key", "root.crt"}, time.Time{}, "K048", "does not allow certificates of a client"},
		"path length":       {"etcd", []string{"lowest.crt", "lowest.key", "short.crt", "root.crt"}, time.Time{}, "K048", "path length"},
		"without its root":  {"etcd", []string{"middle.crt", "middle.key"}, time.Time{}, "K048", "whose certificate is in none of the files"},
		"expired":           {"etcd", []string{"root.crt", "root.key"}, time.Now().Add(25 * year), "K048", "expired"},
		"not yet valid":     {"etcd", []string{"root.crt", "root.key"}, time.Now().Add(-year), "K048", "valid from"},
		"weak key":          {"etcd", []string{"weak.crt", "weak.key"}, time.Time{}, "K048", "RSA of 2048 bits"},
	} {
		t.Run(name, func(t *testing.T) {
			s := Memory()
			if test.now.IsZero() {
				test.now = time.Now()
			}
			_, list := Import(s, smallPlan(), Bring{Files: r.read(test.files...), Authority: test.authority}, test.now)
			if len(list) == 0 || list[0].Code != test.code || !strings.Contains(list[0].Message, test.say) || list[0].Hint == "" {
				t.Errorf("want %s %q, have %v", test.code, test.say, list)
			}
			if len(s.written) > 0 {
				t.Error("something was written")
			}
		})
	}
}

// Another authority comes in only when that is said, and then everything is made
// anew below it. The same key with another certificate is no other authority.
func TestReplaceAuthority(t *testing.T) {
	p := smallPlan()
	s := mustOpenReadOnly(t, built(t, p))
	r := newRoom(t)
	r.root(ecdsaKey...)
	bring := Bring{Files: r.read("root.crt", "root.key"), Authority: "etcd"}
	if _, list := Import(s, p, bring, time.Now()); len(list) != 1 || list[0].Code != "K049" || len(s.written) > 0 {
		t.Fatal(list)
	}
	bring.Replace = true
	if _, list := Import(s, p, bring, time.Now()); len(list) > 0 {
		t.Fatal(list)
	}
	agree(t, p, mustIssue(t, s, p, time.Now()))

	requests, list := Requests(s, p, []string{"kubernetes"}, time.Now())
	if len(list) > 0 {
		t.Fatal(list)
	}
	before := mustIssue(t, s, p, time.Now()).Certs["cluster/admin"]
	r.sign(requests[0].Text, "kubernetes.crt", "")
	if _, list := Import(s, p, Bring{Files: r.read("kubernetes.crt", "root.crt")}, time.Now()); len(list) > 0 {
		t.Fatal(list)
	}
	keys := mustIssue(t, s, p, time.Now())
	agree(t, p, keys)
	if string(keys.Certs["cluster/admin"].Key) != string(before.Key) {
		t.Error("a certificate was made anew though the key of its authority is the same")
	}
}

// A leaf whose names or usages are not those of the request is refused, and one
// of another authority.
func TestImportLeafProblems(t *testing.T) {
	p := smallPlan()
	r := newRoom(t)
	r.root(ecdsaKey...)
	s := Memory()
	own(t, s, p, r, "root.crt")
	requests, list := Requests(s, p, []string{"cp1/etcd-server"}, time.Now())
	if len(list) > 0 || len(requests) != 1 {
		t.Fatal(requests, list)
	}
	again, _ := Requests(s, p, []string{"cp1/etcd-server"}, time.Now())
	if string(again[0].Text) != string(requests[0].Text) {
		t.Error("the same request has other bytes")
	}
	r.sign(requests[0].Text, "bare.crt", "leaf")
	_, list = Import(s, p, Bring{Files: r.read("bare.crt")}, time.Now())
	if len(list) != 1 || list[0].Code != "K051" || !strings.Contains(list[0].Message, "its names differ") {
		t.Error(list)
	}
	other := newRoom(t)
	other.root(ecdsaKey...)
	other.sign(requests[0].Text, "other.crt", "")
	_, list = Import(s, p, Bring{Files: other.read("other.crt")}, time.Now())
	if len(list) != 1 || list[0].Code != "K051" || !strings.Contains(list[0].Message, "another authority signed it") {
		t.Error(list)
	}
	if _, list = Requests(s, p, []string{"etcd"}, time.Now()); len(list) != 1 || list[0].Code != "K044" {
		t.Error(list)
	}
}

// A store that went to another machine is the same there, sealed or not.
func TestExport(t *testing.T) {
	p := smallPlan()
	for _, sealed := range []bool{false, true} {
		dir := built(t, p)
		s := mustOpen(t, dir)
		if sealed {
			sealIt(t, s)
		}
		text, told, err := Export(s, !sealed)
		if err != nil || told.Sealed != sealed || told.Files < 10 {
			t.Fatal(told, err)
		}
		there := mustOpen(t, filepath.Join(t.TempDir(), "prod.pki"))
		for range 2 { // the second time it is there
			if _, err := ImportStore(there, "x", text); err != nil {
				t.Fatal(err)
			}
			if err := there.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		again, _, err := Export(mustOpenReadOnly(t, there.dir), !sealed)
		if err != nil || !bytes.Equal(again, text) {
			t.Error("the store there is another", err)
		}
		if bytes.Contains(text, []byte("PRIVATE KEY")) == sealed {
			t.Error("keys stand open in a sealed export, or are missing")
		}
	}
}

func sealIt(t *testing.T, s *Store) {
	t.Helper()
	if _, err := Seal(s, SealFor{Passphrase: "x"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
}

func TestExportProblems(t *testing.T) {
	p := smallPlan()
	s := mustOpenReadOnly(t, built(t, p))
	if _, _, err := Export(s, false); codeOf(err) != "K052" {
		t.Error(err)
	}
	text, _, err := Export(s, true)
	if err != nil {
		t.Fatal(err)
	}
	change := func(change func(*exportIndex, map[string][]byte)) []byte {
		index, texts, err := unpack(s.vault.position("x"), text)
		if err != nil {
			t.Fatal(err)
		}
		change(&index, texts)
		out, err := archive(index, texts)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name, test := range map[string]struct {
		text      []byte
		code, say string
	}{
		"newer":     {change(func(i *exportIndex, _ map[string][]byte) { i.Version = 2 }), "K053", "is of version 2, and this kubespore knows versions up to 1"},
		"another's": {change(func(i *exportIndex, _ map[string][]byte) { i.Cluster = "other" }), "K003", `"other"`},
		"truncated": {text[:len(text)/2], "K053", "truncated"},
		"changed":   {bytes.Replace(text, []byte("PRIVATE KEY"), []byte("PRIVATE KEI"), 1), "K053", "was changed"},
		"outside": {change(func(i *exportIndex, texts map[string][]byte) {
			i.Files[0].Name = "../" + i.Files[0].Name
			texts[i.Files[0].Name] = nil
		}), "K053", "is no file of a store"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "prod.pki")
			there, err := Open(dir, Options{Cluster: "prod"})
			if err != nil {
				t.Fatal(err)
			}
			_, err = ImportStore(there, "x", test.text)
			if codeOf(err) != test.code || err != nil && !strings.Contains(err.Error(), test.say) {
				t.Errorf("want %s, have %v", test.code, err)
			}
			there.Close()
			if _, err := os.Stat(dir); err == nil {
				t.Error("a folder was left")
			}
		})
	}
	there := mustOpen(t, built(t, p))
	if _, err := ImportStore(there, "x", text); codeOf(err) != "K054" {
		t.Error(err)
	}
}
