package main

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// The settings of the page are for the lab's network then, and nothing of the
// page's own is left.
func TestDnsmasqSettings(t *testing.T) {
	page, err := os.ReadFile("../../docs/media.md")
	if err != nil {
		t.Fatal(err)
	}
	got, err := dnsmasqSettings(string(page), "192.168.200.254")
	if err != nil || strings.Contains(got, "10.0.0.") || !strings.Contains(got, "\ndhcp-boot=tag:ipxe,http://192.168.200.254:8080/boot.ipxe\n") {
		t.Errorf("%s%v", got, err)
	}
	if _, err := dnsmasqSettings("# Boot media\n", "192.168.200.254"); err == nil {
		t.Error("settings that are not there were found")
	}
}

// atWork knows the report of a machine that waits for its programs from one that
// has not come so far.
func TestAtWork(t *testing.T) {
	for report, want := range map[string]bool{
		"  done:     clock, firewall\n  to do:    programs, node\n  programs: missing: /opt/bin/kubelet (v1.37.2)\n": true,
		"  done:     clock\n  to do:    firewall, programs\n  programs: missing: /opt/bin/kubelet (v1.37.2)\n":       false,
		"  done:     clock, firewall\n  to do:    programs, node\n":                                                  false,
	} {
		if atWork.MatchString(report) != want {
			t.Errorf("%q: not %v", report, want)
		}
	}
}

// What obey types is what the guard asks for.
func TestAsked(t *testing.T) {
	script, err := os.ReadFile("../../profiles/etcd/files/kubespore-etcd-guard.raw")
	if err != nil {
		t.Fatal(err)
	}
	found := asked.FindAllStringSubmatch(string(script), -1)
	if len(found) == 0 {
		t.Fatal("the guard asks for nothing that the lab understands")
	}
	for _, f := range found {
		if !strings.HasPrefix(f[1], "etcdctl member ") {
			t.Errorf("asks for %q", f[1])
		}
	}
}

// The lab types what the page says, for the version of the scenario.
func TestUpgradeCommands(t *testing.T) {
	page, err := os.ReadFile("../../docs/upgrade.md")
	if err != nil {
		t.Fatal(err)
	}
	script, err := upgradeCommands(string(page), "v1.37.0")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"images import", "kubeadm-v1.37.0 /opt/bin/kubeadm\n", "kubeadm upgrade apply --yes v1.37.0\n", "kubelet-v1.37.0 /opt/bin/kubelet\n", "systemctl restart kubelet\n"} {
		before, after, found := strings.Cut(script, line)
		if !found {
			t.Fatalf("%q is not typed, or too early:\n%s", line, before)
		}
		script = after
	}
	if _, err := upgradeCommands("```sh norun\nkubeadm upgrade plan\n```\n", "v1.37.0"); err == nil {
		t.Error("a page without the upgrade is taken")
	}
}

func TestLastOf(t *testing.T) {
	for prefix, want := range map[string]string{
		"192.168.200.21/24": "192.168.200.254",
		"192.168.200.21/22": "192.168.203.254",
		"10.0.0.1/30":       "10.0.0.2",
		"fd00:200::21/64":   "fd00:200::ffff:ffff:ffff:fffe",
	} {
		if got := lastOf(netip.MustParsePrefix(prefix)).String(); got != want {
			t.Errorf("%s: %s, want %s", prefix, got, want)
		}
	}
}

// The lab has an address among the machines; where these stand in networks of
// their own it is the gateway of each.
func TestLabAddresses(t *testing.T) {
	at := func(address, gateway string) host {
		return host{Addresses: []string{address}, Gateways: []string{gateway}}
	}
	for want, hosts := range map[string][]host{
		"[192.168.1.254/24]":                            {at("192.168.1.11/24", "192.168.1.1"), at("192.168.1.12/24", "192.168.1.1")},
		"[192.0.2.254/24 192.0.2.1/24 198.51.100.1/24]": {at("192.0.2.11/24", "192.0.2.1"), at("198.51.100.12/24", "198.51.100.1")},
	} {
		if got := fmt.Sprint(labAddresses(hosts)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Every program that the lab gives machines is one that a profile wants there,
// and at a place of its own.
func TestProgramsAreWanted(t *testing.T) {
	files, err := filepath.Glob("../../profiles/*/profile.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var profiles strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		profiles.Write(text)
	}
	for _, path := range append(slices.Collect(maps.Values(onMachines)), slices.Collect(maps.Keys(fromDebian))...) {
		if !strings.Contains(profiles.String(), "/"+path+",") && !strings.Contains(profiles.String(), "/"+path+"\n") {
			t.Errorf("no profile wants /%s", path)
		}
	}
}

// Something that could not be made leaves nothing that looks as if it were.
func TestCached(t *testing.T) {
	l := &lab{cache: t.TempDir()}
	broken := func(path string) error {
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		return os.ErrInvalid
	}
	if _, err := l.cached("thing", []string{"a"}, broken); err == nil {
		t.Fatal("no error")
	}
	whole := func(path string) error { return os.WriteFile(path, []byte("whole"), 0o600) }
	path, err := l.cached("thing", []string{"a"}, whole)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "whole" {
		t.Errorf("%s %v", text, err)
	}
	if again, err := l.cached("thing", []string{"a"}, broken); err != nil || again != path {
		t.Errorf("made twice: %v", err)
	}
	if other, err := l.cached("thing", []string{"b"}, whole); err != nil || other == path {
		t.Errorf("another recipe gives the same %s: %v", filepath.Base(other), err)
	}
}

// A secret is found wherever it begins in a longer text, and one that is out of
// place or open to others is a fault.
func TestSecretsInPlace(t *testing.T) {
	secret := "DlrTmRTQlGWj/iIL+GhnhDE0jov+dHpSoL4xywx"
	secrets := map[string][]string{"ca/kubernetes.key": forms(secret)}
	file := filepath.Join(t.TempDir(), "file")
	for offset := range 7 {
		text := strings.Repeat("-", offset) + secret + "--"
		for _, form := range []string{text, url.QueryEscape(text), base64.StdEncoding.EncodeToString([]byte(text))} {
			if err := os.WriteFile(file, []byte(form), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := inPlace(file, "", secrets); err == nil {
				t.Errorf("%s is taken for harmless", form)
			}
			if err := inPlace(file, text, secrets); err != nil {
				t.Errorf("%s is in its place: %v", form, err)
			}
		}
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := inPlace(file, secret, secrets); err == nil {
		t.Error("others may read it")
	}
}

// A byte that is turned over twice is as it was.
func TestFlip(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a\x9dc", "abc"} {
		if err := flipByte(file); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(file); err != nil || string(text) != want {
			t.Errorf("%q, want %q: %v", text, want, err)
		}
	}
}

// Bundles that are still packed stay, the others go with their locks.
func TestForget(t *testing.T) {
	cache := t.TempDir()
	since := time.Now().Add(-time.Hour)
	for name, packed := range map[string]time.Time{"payload-old": since.Add(-time.Minute), "payload-new": since.Add(time.Minute)} {
		if err := os.MkdirAll(filepath.Join(cache, name, "images"), 0o755); err != nil {
			t.Fatal(err)
		}
		lock := filepath.Join(cache, name+".lock")
		if err := os.WriteFile(lock, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(lock, packed, packed); err != nil {
			t.Fatal(err)
		}
	}
	if err := forget(cache, since); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(cache, "*"))
	if want := []string{filepath.Join(cache, "payload-new"), filepath.Join(cache, "payload-new.lock")}; err != nil || !reflect.DeepEqual(left, want) {
		t.Errorf("%v is left: %v", left, err)
	}
}

// Both formats of a document say the same of its machine.
func TestFilesIn(t *testing.T) {
	for format, document := range map[string]string{
		ignition:  `{"storage":{"files":[{"path":"/etc/a","contents":{"source":"data:,one%0A"}},{"path":"/etc/b","contents":{"source":"data:;base64,AAE="}}]}}`,
		cloudInit: "#cloud-config\nwrite_files:\n  - path: /etc/a\n    content: |\n      one\n  - path: /etc/b\n    encoding: b64\n    content: AAE=\n",
	} {
		got, err := filesIn([]byte(document))
		if want := map[string]string{"/etc/a": "one\n", "/etc/b": "\x00\x01"}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, %v", format, got, err)
		}
	}
}

// A kubelet lives when its lease moves, whatever the time is there, or is later
// than the power-on by our clock.
func TestAlive(t *testing.T) {
	on := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	behind := on.Add(-24 * time.Hour)
	m := &machine{since: on}
	if m.alive(behind) {
		t.Error("a lease of yesterday is taken for new")
	}
	if m.alive(behind) {
		t.Error("a lease that stands still is taken for new")
	}
	if !m.alive(behind.Add(10 * time.Second)) {
		t.Error("a lease that moves is not seen")
	}
	if m := (&machine{since: on}); !m.alive(on.Add(time.Second)) {
		t.Error("a lease that is later than the power-on is not seen")
	}
}

func TestQuickStart(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	commands, err := packing(string(page))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"kubespore payload pack", "kubespore build", "kubespore payload verify", "kubespore media iso"} {
		if !strings.Contains(commands, want) {
			t.Errorf("it has no %s:\n%s", want, commands)
		}
	}
	if _, err := packing("```sh\nx\n```\n"); err == nil {
		t.Error("a page without commands is taken")
	}
}
