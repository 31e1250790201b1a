package table

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"

	"github.com/spf13/pflag"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/klog/v2"
)

// Judge reads command lines, one JSON list of texts after the other, and prints
// for each what judge says of it as a JSON text: empty where it is accepted. What
// a command line does to the globals of the component must not be seen by the
// next, so each is judged in a process of its own once `judge one` is asked for.
func Judge(judge func(args []string) error) {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var args []string
		if err := in.Decode(&args); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			log.Fatal(err)
		}
		said := ""
		if len(os.Args) > 2 && os.Args[2] == "apart" {
			said = apart(args)
		} else if err := safely(judge, args); err != nil {
			said = err.Error()
		}
		if err := out.Encode(said); err != nil {
			log.Fatal(err)
		}
	}
}

// safely turns a panic of the component into an error.
func safely(judge func(args []string) error, args []string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return judge(args)
}

// apart judges one command line in another process.
func apart(args []string) string {
	line, err := json.Marshal(args)
	if err != nil {
		log.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "judge")
	cmd.Stdin = bytes.NewReader(line)
	cmd.Stderr = os.Stderr
	answer, err := cmd.Output()
	if err != nil {
		return err.Error()
	}
	var said string
	if err := json.Unmarshal(answer, &said); err != nil {
		log.Fatal(err)
	}
	return said
}

// Parse fills a component's named sets of flags, as its command does.
func Parse(name string, args []string, add func(*pflag.FlagSet)) error {
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	add(flags)
	flags.BoolP("help", "h", false, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	return nil
}
