//go:build oracle

package oracle

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// TestKept has kubeadm make the pods of a control plane by the configuration that the
// cluster holds for it, as kubeadm upgrade does, and finds in them every flag and every
// file and folder of the machine that ours have.
func TestKept(t *testing.T) {
	needRoot(t)
	eachMinor(t, func(t *testing.T, minor string) {
		const good = "../../testdata/good"
		files := tree{}
		names, err := filepath.Glob(good + "/files/api-server/*")
		if err != nil || len(names) == 0 {
			t.Fatalf("no files: %v", err)
		}
		for _, file := range names {
			files["files/api-server/"+filepath.Base(file)] = contents(t, file)
		}
		text := bytes.Replace(contents(t, good+"/api-server-files.yaml"), []byte("os: flatcar"), []byte("os: fedora-coreos"), 1)
		c := buildText(t, "kept", minor, text, files)
		ours := c.files(t, "c1")
		theirs := upgraded(t, minor, c.host(t, "c1").Addresses[0].Addr().String(), clusterConfiguration(t, ours))
		for _, program := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
			name := manifestDir + program + ".yaml"
			mine, kept := sees(t, ours[name]), sees(t, theirs[name])
			for _, line := range mine {
				if !slices.Contains(kept, line) {
					t.Errorf("%s: kubeadm drops %s", program, line)
				}
			}
			for _, line := range kept {
				if strings.HasPrefix(line, "volume ") && !slices.Contains(mine, line) {
					t.Errorf("%s: kubeadm adds %s", program, line)
				}
			}
		}
	})
}

// upgraded gives the files that kubeadm makes by a ClusterConfiguration.
func upgraded(t *testing.T, minor, address string, config []byte) tree {
	t.Helper()
	root := t.TempDir()
	initial := fmt.Sprintf("apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nlocalAPIEndpoint: {advertiseAddress: %s}\nnodeRegistration: {name: c1, criSocket: 'unix:///run/containerd/containerd.sock'}\n---\n", address)
	write(t, filepath.Join(root, "kubeadm.yaml"), append([]byte(initial), config...))
	for _, dir := range append([]string{"/tmp"}, authorityFolders["fedora-coreos"]...) {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(tool("kubeadm@"+minor), "--rootfs="+root, "init", "--config=/kubeadm.yaml", "--dry-run", "--skip-phases=preflight")
	cmd.Env = append(os.Environ(), "KUBEADM_INIT_DRYRUN_DIR=/dry")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	output(t, cmd)
	return dryRun(t, root)
}

// sees gives the flags of a static pod, and what it has of the machine.
func sees(t *testing.T, text []byte) (out []string) {
	t.Helper()
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict(text, &pod); err != nil || len(pod.Spec.Containers) != 1 {
		t.Fatalf("%v: %s", err, text)
	}
	for _, arg := range pod.Spec.Containers[0].Command {
		out = append(out, "flag "+arg)
	}
	for _, mount := range pod.Spec.Containers[0].VolumeMounts {
		for _, v := range pod.Spec.Volumes {
			if v.Name == mount.Name && v.HostPath != nil {
				out = append(out, fmt.Sprintf("volume %s of %s (%s) at %s, read only %t", v.Name, v.HostPath.Path, *v.HostPath.Type, mount.MountPath, mount.ReadOnly))
			}
		}
	}
	return out
}
