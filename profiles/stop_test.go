package profiles_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/kubespore/kubespore/profiles"
)

// At a shutdown this machine's API server is ended, no matter how long that takes,
// and no other's that runs here, such as a tenant's in a pod.
func TestStopAPIServer(t *testing.T) {
	dir := t.TempDir()
	script, err := profiles.FS.ReadFile("control-plane/files/kubespore-apiserver-stop.raw")
	if err != nil {
		t.Fatal(err)
	}
	stop := filepath.Join(dir, "stop")
	if err := os.WriteFile(stop, script, 0o755); err != nil {
		t.Fatal(err)
	}
	const inOrder = "sleep 0.5; exit 0"
	ours, theirs := apiServer(t, dir, "192.0.2.1", inOrder), apiServer(t, dir, "192.0.2.10", inOrder)
	start := time.Now()
	if out, err := exec.Command(stop, "192.0.2.1", "60").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if took := time.Since(start); took < 500*time.Millisecond {
		t.Errorf("it did not wait for the API server's end: %v", took)
	}
	select {
	case err := <-ours:
		if err != nil {
			t.Errorf("it was not ended in order: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the API server goes on")
	}
	select {
	case err := <-theirs:
		t.Errorf("the other one ended: %v", err)
	default:
	}
	if out, err := exec.Command(stop, "192.0.2.1", "60").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("with none there: %v\n%s", err, out)
	}
	// One whose clients watch without end.
	waiting := apiServer(t, dir, "192.0.2.1", ":")
	if out, err := exec.Command(stop, "192.0.2.1", "1").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	select {
	case <-waiting:
	case <-time.After(10 * time.Second):
		t.Error("an API server that waits for its clients goes on")
	}
}

// apiServer starts a program of that name, which does something when it is asked
// to end. It waits without a process of its own for that: one that is being forked
// has the name and the arguments of its parent, as no API server's has.
func apiServer(t *testing.T, dir, address, atTheEnd string) <-chan error {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "kube-apiserver")
	if err := os.Symlink(bash, program); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	nothing := filepath.Join(t.TempDir(), "nothing")
	if err := syscall.Mkfifo(nothing, 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, "-c", "trap '"+atTheEnd+"' TERM; exec 3<>"+nothing+"; echo ready; while :; do read -rt 0.05 -u 3; done", "kube-apiserver", "--advertise-address="+address)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() { _ = c.Process.Kill() })
	return ended
}
