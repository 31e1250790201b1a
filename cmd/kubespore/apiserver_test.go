package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// apiServer is a program for scripts: `api-server KEYS ADDRESS NODE...` answers for
// Nodes that are ready, with a machine's own certificate, and ends soon after the
// first answer.
func apiServer() {
	keys, address := os.Args[1], os.Args[2]
	var list corev1.NodeList
	for _, name := range os.Args[3:] {
		list.Items = append(list.Items, corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Status:     corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}},
		})
	}
	server := http.Server{Addr: address, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(list) // the client finds out
		time.AfterFunc(time.Second, func() { os.Exit(0) })
	})}
	err := server.ListenAndServeTLS(filepath.Join(keys, "apiserver.crt"), filepath.Join(keys, "apiserver.key"))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
