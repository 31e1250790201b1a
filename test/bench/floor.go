package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// floor is the least that a build can take.
type floor struct {
	certificates int
	bytes        int64
	sign, write  time.Duration
}

func (f floor) total() time.Duration { return f.sign + f.write }

// measureFloor makes as many certificates as the store of a build holds and
// writes as many files of the same sizes as the build did.
func measureFloor(built, dir string) (floor, error) {
	var f floor
	sizes := map[string]int64{}
	err := filepath.WalkDir(built, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(built, path)
		sizes[name] = info.Size()
		f.bytes += info.Size()
		if strings.HasSuffix(name, ".crt") {
			f.certificates++
		}
		return err
	})
	if err != nil {
		return f, err
	}
	if f.sign, err = signFloor(f.certificates); err != nil {
		return f, err
	}
	f.write, err = writeFloor(dir, sizes)
	return f, err
}

// signFloor makes a key and a certificate n times with the standard library.
func signFloor(n int) (time.Duration, error) {
	ca, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	errs := make([]error, runtime.GOMAXPROCS(0))
	var workers sync.WaitGroup
	for w := range errs {
		workers.Go(func() {
			for i := w; i < n && errs[w] == nil; i += len(errs) {
				errs[w] = signOne(ca, int64(i)+1)
			}
		})
	}
	workers.Wait()
	took := time.Since(start)
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return took, nil
}

func signOne(ca *ecdsa.PrivateKey, serial int64) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: "system:node:w1", Organization: []string{"system:nodes"}},
		NotBefore:    time.Now(),
		NotAfter:     time.Now().AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		DNSNames:     []string{"w1"},
	}
	parent := &x509.Certificate{Subject: pkix.Name{CommonName: "kubernetes"}}
	cert, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, ca)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	return nil
}

// writeFloor writes files of these sizes and flushes the file system once.
func writeFloor(dir string, sizes map[string]int64) (time.Duration, error) {
	var most int64
	for _, size := range sizes {
		most = max(most, size)
	}
	zeros := make([]byte, most)
	start := time.Now()
	for name, size := range sizes {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return 0, err
		}
		if err := os.WriteFile(path, zeros[:size], 0o600); err != nil {
			return 0, err
		}
	}
	folder, err := os.Open(dir)
	if err != nil {
		return 0, err
	}
	defer folder.Close()
	err = unix.Syncfs(int(folder.Fd()))
	return time.Since(start), err
}
