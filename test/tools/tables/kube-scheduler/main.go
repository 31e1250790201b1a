// Prints the table of kube-scheduler.
package main

import (
	"k8s.io/kubernetes/cmd/kube-scheduler/app"

	"github.com/kubespore/kubespore/test/tools/kubernetes/table"
)

func main() {
	cmd := app.NewSchedulerCommand()
	// Cobra adds it when a command is executed, which none is here.
	cmd.InitDefaultHelpFlag()
	table.Component("kube-scheduler", cmd.Flags())
}
