package profiles_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
		names    map[string][]string
		verdict  string
		failed   []string
	}{
		{"127.99.0.1", "127.99.0.2", map[string][]string{api: {"127.99.0.3"}, pods: {"127.99.0.2", "127.99.0.2"}}, "passed", nil},
		{"::1", "::1", map[string][]string{api: {"::1"}, pods: {"::1"}}, "passed", nil},
		{"127.99.1.1", "127.99.1.2", map[string][]string{api: {"127.99.0.3"}}, "failed", []string{"host to pod"}},
		{"127.99.2.1", "127.99.2.2", map[string][]string{pods: {"127.99.2.2"}}, "failed", []string{"DNS from the host"}},
		{"127.99.3.1", "127.99.3.2", map[string][]string{api: {"127.99.0.3"}, pods: {"127.99.3.2", "127.99.3.9"}}, "failed", []string{"host to pod"}},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			nameServer(t, net.JoinHostPort(c.dns, "53"), c.names)
			listen(t, net.JoinHostPort(c.pod, "8080"), serve)
			listen(t, net.JoinHostPort(c.pod, "443"), serve)
			dir := t.TempDir()
			writeFile(t, dir, "etc/kubernetes/kubelet.conf", "kind: Config\n")
			out := m.askAPI(t, dir, "selftest/files/kubespore-selftest.raw",
				"case $* in *'get service'*) echo 8080 ;; esac\n", "",
				"CLUSTER_DOMAIN=cluster.test", "NODE_ADDRESS="+c.pod, "API_SERVICE="+c.pod, "DNS_SERVICE="+c.dns, "PATIENCE=1s")
			results, err := os.ReadFile(filepath.Join(dir, "lib/selftest"))
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			want := c.verdict + "\n"
			for _, check := range []string{"DNS from the host", "host to pod", "host to cluster IP", "host to NodePort"} {
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
		})
	}
}
