// Prints the table of kube-controller-manager.
package main

import (
	"k8s.io/kubernetes/cmd/kube-controller-manager/app"

	"github.com/kubespore/kubespore/test/tools/kubernetes/table"
)

func main() {
	cmd := app.NewControllerManagerCommand()
	// Cobra adds it when a command is executed, which none is here.
	cmd.InitDefaultHelpFlag()
	table.Component("kube-controller-manager", cmd.Flags())
}
