package profiles_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// nameServer answers for the addresses of names, as the cluster DNS would.
func nameServer(t *testing.T, address string, names map[string][]string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, 512)
		for {
			n, client, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(dnsAnswer(buffer[:n], names), client)
		}
	}()
}

// dnsAnswer answers a question for A or AAAA records (RFC 1035, 4.1).
func dnsAnswer(question []byte, names map[string][]string) []byte {
	var labels []string
	at := 12
	for question[at] > 0 {
		size := int(question[at])
		labels = append(labels, string(question[at+1:at+1+size]))
		at += 1 + size
	}
	question = question[:at+5] // without what is additional
	kind := binary.BigEndian.Uint16(question[at+1:])
	var records []byte
	count := 0
	for _, address := range names[strings.Join(labels, ".")] {
		data, is := []byte(net.ParseIP(address).To4()), uint16(1)
		if data == nil {
			data, is = net.ParseIP(address), 28
		}
		if is != kind {
			continue
		}
		count++
		records = append(records, 0xc0, 12) // the name is that of the question
		for _, v := range []uint16{kind, 1, 0, 5, uint16(len(data))} {
			records = binary.BigEndian.AppendUint16(records, v)
		}
		records = append(records, data...)
	}
	header := append([]byte{question[0], question[1], 0x85, 0x80, 0, 1, 0, byte(count)}, 0, 0, 0, 0)
	return append(append(header, question[12:]...), records...)
}

// TestSelfTest runs the self-test in a cluster of loopback addresses, once with all
// that it asks there and once for each thing that is amiss.
func TestSelfTest(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: port 53, and an /etc of its own")
	}
	eachMachine(t, testSelfTest)
}

func testSelfTest(t *testing.T, m machine) {
	const pods, api = "kubespore-selftest-pods.kube-system.svc.cluster.test", "kubernetes.default.svc.cluster.test"
	for i, c := range []struct {
		dns, pod string // where they are
		other    string // another node
		names    map[string][]string
		verdict  string
		failed   []string
	}{
		{"127.99.0.1", "127.99.0.2", "127.99.0.4", map[string][]string{api: {"127.99.0.3"}, pods: {"127.99.0.2", "127.99.0.2"}}, "passed", nil},
		{"::1", "::1", "", map[string][]string{api: {"::1"}, pods: {"::1"}}, "passed", nil},
		{"127.99.1.1", "127.99.1.2", "", map[string][]string{api: {"127.99.0.3"}}, "failed", []string{"host to pod", "pod to pod"}},
		{"127.99.2.1", "127.99.2.2", "", map[string][]string{pods: {"127.99.2.2"}}, "failed", []string{"DNS from the host", "DNS from a pod"}},
		{"127.99.3.1", "127.99.3.2", "", map[string][]string{api: {"127.99.0.3"}, pods: {"127.99.3.2", "127.99.3.9"}}, "failed", []string{"host to pod", "pod to pod"}},
		{"127.99.5.1", "127.99.5.2", "127.99.5.9", map[string][]string{api: {"127.99.5.2"}, pods: {"127.99.5.2"}}, "failed", []string{"host to NodePort of another node", "pod to NodePort of another node"}},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			nameServer(t, net.JoinHostPort(c.dns, "53"), c.names)
			listen(t, net.JoinHostPort(c.pod, "8080"), serve)
			listen(t, net.JoinHostPort(c.pod, "443"), serve)
			listen(t, "127.99.0.4:8080", serve)
			dir := t.TempDir()
			writeFile(t, dir, "etc/kubernetes/kubelet.conf", "kind: Config\n")
			mark := strings.NewReplacer("/", "-").Replace(t.Name())
			pod := imitatePod(t, dir, mark)
			out := m.askAPI(t, dir, "selftest/files/kubespore-selftest.raw",
				"case $* in *'get service'*) echo 8080 ;; esac\n", "/bin/sleep 0.1\n", "NODE_NAME="+mark,
				"CLUSTER_DOMAIN=cluster.test", "NODE_ADDRESS="+c.pod, "API_SERVICE="+c.pod, "DNS_SERVICE="+c.dns, "OTHER_NODES="+c.other, "PATIENCE=2s")
			results, err := os.ReadFile(filepath.Join(dir, "lib/selftest"))
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			want := c.verdict + "\n"
			for _, check := range []string{"DNS from the host", "host to pod", "host to cluster IP", "host to NodePort", "host to NodePort of another node",
				"DNS from a pod", "pod to pod", "pod to cluster IP", "pod to NodePort", "pod to NodePort of another node"} {
				if c.other == "" && strings.HasSuffix(check, "another node") {
					continue
				}
				verdict := "passed"
				for _, failed := range c.failed {
					if check == failed {
						verdict = "failed"
					}
				}
				want += check + ": " + verdict + "\n"
			}
			if string(results) != want {
				t.Errorf("%s\nwant\n%s\n%s", results, want, out)
			}
			pod(t)
		})
	}
}

// imitatePod is the kubelet, which makes a pod of a file, and the pod's one process.
// What it gives sees that the file is a pod and that it is gone.
func imitatePod(t *testing.T, dir, mark string) func(t *testing.T) {
	t.Helper()
	file, seen := filepath.Join(dir, "etc/kubernetes/manifests/kubespore-selftest.yaml"), filepath.Join(dir, "seen")
	kubelet := exec.Command("bash", "-c", `until cp "$0" "$1" 2>/dev/null; do sleep 0.1; done; KUBESPORE_SELFTEST=$2 exec sleep 60`, file, seen, mark)
	if err := kubelet.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = kubelet.Process.Kill(), kubelet.Wait() })
	return func(t *testing.T) {
		t.Helper()
		text, err := os.ReadFile(seen)
		if err != nil {
			t.Fatal(err)
		}
		var pod corev1.Pod
		if err := yaml.UnmarshalStrict(text, &pod); err != nil || pod.Spec.Containers[0].Image != "pause" || pod.Spec.Containers[0].Env[0].Value != mark {
			t.Errorf("%v\n%s", err, text)
		}
		if _, err := os.Stat(file); !os.IsNotExist(err) {
			t.Errorf("the pod's file stays: %v", err)
		}
	}
}
