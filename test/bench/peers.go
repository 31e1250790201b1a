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

// printPeers sets one host's share of our build beside what others take for
// one host.
func printPeers(dir string, first build, low floor) error {
	perHost := first.wall / time.Duration(first.hosts)
	perCertificate := first.stage("keys") / time.Duration(max(low.certificates, 1))
	fmt.Print("| who | what | time |\n|---|---|---|\n")
	row := func(who, what string, d time.Duration) {
		fmt.Printf("| %s | %s | %.1f ms |\n", who, what, float64(d.Microseconds())/1000)
	}
	row("kubespore", "one host of the build above, with every proof", perHost)
	row("kubespore", "one key and certificate of it", perCertificate)
	row("standard library", "one key and certificate", low.sign/time.Duration(max(low.certificates, 1)))
	if d, err := measureKubeadm(filepath.Join(dir, "kubeadm")); err != nil {
		fmt.Printf("| kubeadm | not measured: %s | |\n", firstLine(err))
	} else {
		row("kubeadm", "init phase certs, kubeconfig, control-plane, etcd for one host", d)
	}
	if d, err := measureCFSSL(filepath.Join(dir, "cfssl")); err != nil {
		fmt.Printf("| cfssl | not measured: %s | |\n", firstLine(err))
	} else {
		row("cfssl", "gencert piped into cfssljson, one certificate", d)
	}
	return nil
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// measureKubeadm makes one control plane's files with the real kubeadm.
func measureKubeadm(dir string) (time.Duration, error) {
	path, err := exec.Command("test/tools/tool", "kubeadm@1.37").Output()
	if err != nil {
		return 0, fmt.Errorf("test/tools/tool kubeadm@1.37: %w", err)
	}
	kubeadm := strings.TrimSpace(string(path))
	certs := filepath.Join(dir, "pki")
	config := filepath.Join(dir, "kubeadm.yaml")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
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
`, certs)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return 0, err
	}
	start := time.Now()
	for _, phase := range []string{"certs all", "kubeconfig all --kubeconfig-dir " + dir, "control-plane all", "etcd local"} {
		args := append([]string{"init", "phase"}, strings.Fields(phase)...)
		args = append(args, "--config", config)
		if strings.HasPrefix(phase, "control-plane") || strings.HasPrefix(phase, "etcd") {
			args = append(args, "--dry-run") // else it writes to /etc/kubernetes
		}
		if out, err := exec.Command(kubeadm, args...).CombinedOutput(); err != nil {
			return 0, fmt.Errorf("kubeadm init phase %s: %w %s", phase, err, out)
		}
	}
	return time.Since(start), nil
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
