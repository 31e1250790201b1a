// Prints the table of kube-proxy.
package main

import (
	"k8s.io/kubernetes/cmd/kube-proxy/app"

	"github.com/kubespore/kubespore/test/tools/kubernetes/table"
)

func main() {
	cmd := app.NewProxyCommand()
	// Cobra adds it when a command is executed, which none is here.
	cmd.InitDefaultHelpFlag()
	table.Component("kube-proxy", cmd.Flags())
}
