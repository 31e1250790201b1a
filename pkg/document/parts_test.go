package document

import "testing"

// TestReleaseOfTwo: a machine may have etcd twice, as an image and as a program of
// flannel's. Which one counts does not change from call to call.
func TestReleaseOfTwo(t *testing.T) {
	s := State{
		ImageKey + "registry.k8s.io/etcd:3.7.0-0": "sha256:00 00 images/etcd.tar",
		ProgramKey + "/opt/bin/etcd":              "v1 00 binaries/etcd",
	}
	for range 50 {
		if got := s.Release("etcd"); got != "3.7.0" {
			t.Fatalf("etcd is at %q", got)
		}
	}
}
