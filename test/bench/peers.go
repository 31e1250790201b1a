package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// The version of cfssl that go.mod has.
const cfssl = "github.com/cloudflare/cfssl/cmd/"

// pairs is how many cfssl process pairs are measured.
const pairs = 50

// printPeers sets what we do next to the same of others: a control plane next to a
// control plane with keys of the same kind, a certificate next to a certificate.
func printPeers(program, dir string, first build, low floor) error {
	fmt.Print("| who | what | wall | processors |\n|---|---|---|---|\n")
	row := func(who, what string, b build, err error) {
		if err != nil {
			fmt.Printf("| %s | not measured: %s | | |\n", who, firstLine(err))
			return
		}
		fmt.Printf("| %s | %s | %s | %s |\n", who, what, milliseconds(b.wall), milliseconds(b.cpu))
	}
	ours, err := least(func(turn int) (build, error) {
		b, _, err := measureTwice(program, filepath.Join(dir, fmt.Sprintf("alone%d", turn)), fleet{1, 1, "flatcar"})
		return b, err
	})
	row("kubespore", "one control plane: keys, kubeconfigs, static pods, units, firewall, network, objects, every proof, flushed to the disk", ours, err)
	for _, algorithm := range []string{"ECDSA-P256", "RSA-2048"} {
		theirs, err := least(func(turn int) (build, error) {
			return measureKubeadm(filepath.Join(dir, fmt.Sprintf("kubeadm%s%d", algorithm, turn)), algorithm)
		})
		row("kubeadm", "one control plane, "+algorithm+": `init phase` certs, kubeconfig, control-plane, etcd", theirs, err)
	}
	certificates := time.Duration(max(low.certificates, 1))
	row("kubespore", "one key and certificate of the first build", build{wall: first.stage("keys") / certificates}, nil)
	row("standard library", "one key and certificate", build{wall: low.sign / certificates}, nil)
	theirs, err := measureCFSSL(filepath.Join(dir, "cfssl"))
	row("cfssl", "`gencert` piped into `cfssljson`, one certificate", build{wall: theirs}, err)
	return nil
}

func milliseconds(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// measureKubeadm makes one control plane's files with the real kubeadm.
func measureKubeadm(dir, algorithm string) (build, error) {
	var b build
	path, err := exec.Command("test/tools/tool", "kubeadm@1.37").Output()
	if err != nil {
		return b, fmt.Errorf("test/tools/tool kubeadm@1.37: %w", err)
	}
	kubeadm := strings.TrimSpace(string(path))
	certs := filepath.Join(dir, "pki")
	config := filepath.Join(dir, "kubeadm.yaml")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return b, err
	}
	text := fmt.Sprintf(`apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 10.0.0.1}
nodeRegistration: {name: cp0}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.37.2
controlPlaneEndpoint: 10.0.255.1:6443
certificatesDir: %s
encryptionAlgorithm: %s
`, certs, algorithm)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return b, err
	}
	for _, phase := range []string{"certs all", "kubeconfig all --kubeconfig-dir " + dir, "control-plane all", "etcd local"} {
		args := append([]string{"init", "phase"}, strings.Fields(phase)...)
		args = append(args, "--config", config)
		if strings.HasPrefix(phase, "control-plane") || strings.HasPrefix(phase, "etcd") {
			args = append(args, "--dry-run") // else it writes to /etc/kubernetes
		}
		one, err := timed(exec.Command(kubeadm, args...))
		if err != nil {
			return b, err
		}
		b.wall, b.cpu = b.wall+one.wall, b.cpu+one.cpu
	}
	return b, nil
}

// measureCFSSL makes certificates as the walkthroughs do: a pair of processes
// for each.
func measureCFSSL(dir string) (time.Duration, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", "github.com/cloudflare/cfssl").Output()
	if err != nil {
		return 0, err
	}
	version := strings.TrimSpace(string(out))
	install := exec.Command("go", "install", cfssl+"cfssl@"+version, cfssl+"cfssljson@"+version)
	install.Env = append(os.Environ(), "GOBIN="+dir, "CGO_ENABLED=0")
	if out, err := install.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("go install cfssl: %w %s", err, out)
	}
	request := `{"CN":"w1","hosts":["w1","10.0.0.1"],"key":{"algo":"ecdsa","size":256},"names":[{"O":"system:nodes"}]}`
	if err := os.WriteFile(filepath.Join(dir, "csr.json"), []byte(request), 0o600); err != nil {
		return 0, err
	}
	shell := func(script string) error {
		cmd := exec.Command("sh", "-ec", script)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("cfssl: %w %s", err, out)
		}
		return nil
	}
	if err := shell("./cfssl gencert -loglevel=5 -initca csr.json | ./cfssljson -bare ca"); err != nil {
		return 0, err
	}
	start := time.Now()
	for i := range pairs {
		if err := shell(fmt.Sprintf("./cfssl gencert -loglevel=5 -ca=ca.pem -ca-key=ca-key.pem csr.json | ./cfssljson -bare c%d", i)); err != nil {
			return 0, err
		}
	}
	return time.Since(start) / pairs, nil
}
