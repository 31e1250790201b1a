// Prints the table of kube-apiserver.
package main

import (
	"k8s.io/kubernetes/cmd/kube-apiserver/app"

	"github.com/kubespore/kubespore/test/tools/kubernetes/table"
)

func main() {
	cmd := app.NewAPIServerCommand()
	// Cobra adds it when a command is executed, which none is here.
	cmd.InitDefaultHelpFlag()
	table.Component("kube-apiserver", cmd.Flags())
}
