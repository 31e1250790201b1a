package payload_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/payload"
	"github.com/kubespore/kubespore/pkg/plan"
)

// verify holds a bundle in any form against a lock.
func verify(t *testing.T, name string, lock plan.Lock) (payload.Verified, diag.List) {
	t.Helper()
	b, err := payload.OpenBundle(context.Background(), name, payload.Web{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	return payload.VerifyBundle(b, lock, nil, nil)
}

func TestVerifyBundle(t *testing.T) {
	good := t.TempDir()
	lock := mustPack(t, bill(), good, programs(t), serve(t, image(t, "amd64"))).Lock
	flip := func(file string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			name := filepath.Join(dir, file)
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			text[len(text)/2] ^= 1
			writeSynced(t, name, string(text))
		}
	}
	for name, c := range map[string]struct {
		damage        func(*testing.T, string)
		code, message string
	}{
		"byte of a program": {flip(kubelet), "W005", kubelet + " is not what is locked"},
		"byte of an image":  {flip(pause), "W005", pause + " is not what is locked"},
		"file missing":      {func(t *testing.T, dir string) { _ = os.Remove(filepath.Join(dir, pause)) }, "W008", "the bundle lacks " + pause},
		"file unused":       {func(t *testing.T, dir string) { writeSynced(t, filepath.Join(dir, "binaries/amd64/old"), "x") }, "W007", "nothing needs binaries/amd64/old"},
		"copy under way":    {func(t *testing.T, dir string) { writeSynced(t, filepath.Join(dir, ".partial/x"), "x") }, "W007", "nothing needs .partial/x"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "bundle")
			if err := os.CopyFS(dir, os.DirFS(good)); err != nil {
				t.Fatal(err)
			}
			c.damage(t, dir)
			_, list := verify(t, dir, lock)
			want(t, list, c.code, c.message)
		})
	}
}

func TestLockFile(t *testing.T) {
	dir := t.TempDir()
	lock := mustPack(t, bill(), dir, programs(t), serve(t, image(t, "amd64"))).Lock
	file := payload.LockFile(dir, "prod")
	if err := payload.WriteLock(file, lock); err != nil {
		t.Fatal(err)
	}
	again, err := payload.ReadLock(file)
	if err != nil || again.Binary("kubelet", "v1", "amd64") == nil || again.Image("registry.example/pause:1", "amd64") == nil {
		t.Fatal(again, err)
	}
	if list := payload.VerifyLock(file, lock, lockedBill(lock)); len(list) > 0 {
		t.Error(list)
	}
	want(t, payload.VerifyLock(file, lock, bill()), "W002", "the lock does not know kubelet v1 for amd64")
	few := lockedBill(lock)
	few.Images = nil
	want(t, payload.VerifyLock(file, lock, few), "W007", pause+" is locked and nothing needs it")
	want(t, payload.VerifyLock(file, plan.Lock{}, bill()), "W001", "nothing is locked")
	for name, text := range map[string]string{
		"no JSON":        "{",
		"other keys":     `{"binaries":[],"images":[],"extra":1}`,
		"no digest":      `{"binaries":[{"name":"a","arch":"amd64","file":"binaries/amd64/a","sha256":"x","size":1}],"images":[]}`,
		"file elsewhere": `{"binaries":[{"name":"a","arch":"amd64","file":"../a","sha256":"` + strings.Repeat("0", 64) + `","size":1}],"images":[]}`,
	} {
		writeSynced(t, file, text)
		if _, err := payload.ReadLock(file); err == nil || !strings.Contains(err.Error(), "not a lock that kubespore wrote") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVerifyHost(t *testing.T) {
	sum, digest := strings.Repeat("a", 64), "sha256:"+strings.Repeat("b", 64)
	h := &plan.Host{
		Binaries: []plan.BinaryRef{{Name: "kubelet", Path: "/opt/bin/kubelet", Locked: &plan.LockedBinary{SHA256: sum, File: kubelet}}},
		Images:   []plan.ImageRef{{Ref: "pause:1", Locked: &plan.LockedImage{Digest: digest, SHA256: sum, File: pause}}},
	}
	lists := payload.Lists{Binaries: "/opt/bin/kubelet v1 " + sum + " " + kubelet + "\n", Images: "pause:1 " + digest + " " + sum + " " + pause + "\n"}
	if list := payload.VerifyHost("config.ign", h, lists); len(list) > 0 {
		t.Error(list)
	}
	older := lists
	older.Binaries = "/opt/bin/kubelet v1\n"
	want(t, payload.VerifyHost("config.ign", h, older), "W011", "about /opt/bin/kubelet")
	more := lists
	more.Images += "old:1 " + digest + " " + sum + " x\n"
	want(t, payload.VerifyHost("config.ign", h, more), "W011", "about old:1")
}

// TestVolume writes volumes of a bundle, each twice, and verifies it on them.
func TestVolume(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	lock := mustPack(t, bill(), dir, programs(t), serve(t, image(t, "amd64"))).Lock
	for format, write := range map[string]func(name, dir string, when time.Time) error{"payload.iso": payload.WriteVolume, "payload.img": payload.WriteDisk} {
		name := filepath.Join(out, format)
		var volumes [2][]byte
		for i := range volumes {
			if err := write(name, dir, when); err != nil {
				t.Fatal(err)
			}
			var err error
			if volumes[i], err = os.ReadFile(name); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(volumes[0], volumes[1]) {
			t.Errorf("%s: two volumes of one bundle differ", format)
		}
		if got, list := verify(t, name, lock); len(list) > 0 || got.Files != 2 {
			t.Errorf("%s: %d files, %v", format, got.Files, list)
		}
		_, list := verify(t, name, plan.Lock{Images: lock.Images})
		want(t, list, "W007", "nothing needs "+kubelet)
		at := bytes.LastIndex(volumes[0], []byte("kkkk"))
		if at < 0 { // compressed: in the block of the image
			at = 1<<20 + 96 + 1500
		}
		volumes[0][at] ^= 1
		writeSynced(t, name, string(volumes[0]))
		if _, list := verify(t, name, lock); len(list) != 1 || list[0].Code != "W005" && list[0].Code != "W008" {
			t.Errorf("%s: a byte is wrong, and verify says %v", format, list)
		}
		if err := write(filepath.Join(out, "none"), filepath.Join(out, "none"), when); err == nil {
			t.Errorf("%s: a bundle that is not there makes a volume", format)
		}
	}
}

// TestVerifyMirror verifies a bundle behind a web server.
func TestVerifyMirror(t *testing.T) {
	dir := t.TempDir()
	lock := mustPack(t, bill(), dir, programs(t), serve(t, image(t, "amd64"))).Lock
	mirror := httptest.NewServer(http.FileServer(http.Dir(dir)))
	if got, list := verify(t, mirror.URL+"/", lock); len(list) > 0 || got.Files != 2 {
		t.Errorf("%d files, %v", got.Files, list)
	}
	writeSynced(t, filepath.Join(dir, kubelet), "another")
	_, list := verify(t, mirror.URL, lock)
	want(t, list, "W005", kubelet+" is not what is locked")
	if err := os.Remove(filepath.Join(dir, kubelet)); err != nil {
		t.Fatal(err)
	}
	_, list = verify(t, mirror.URL, lock)
	want(t, list, "W008", "the bundle lacks "+kubelet)
	mirror.Close()
	if _, list = verify(t, mirror.URL, lock); len(list) != 1 {
		t.Errorf("a server that is not there is named %d times", len(list))
	}
	want(t, list, "W004", "does not give")
	writeSynced(t, filepath.Join(dir, "text"), "no volume")
	if _, err := payload.OpenBundle(context.Background(), filepath.Join(dir, "text"), payload.Web{}); err == nil || !strings.Contains(err.Error(), "this is not a bundle") {
		t.Error(err)
	}
}
