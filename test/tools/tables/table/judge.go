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

// errParsed ends the judgement of a command line that is only to be parsed.
var errParsed = errors.New("parsed")

// Judge reads command lines, one JSON list of texts after the other, and prints
// for each what judge says of it as a JSON text: empty where it is accepted. `judge
// parse` only parses them. What a command line does to the globals of the component,
// as feature gates do, must not be seen by the next: `judge apart` gives each a
// process of its own.
func Judge(judge func(args []string) error) {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	how := ""
	if len(os.Args) > 2 {
		how = os.Args[2]
	}
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var args []string
		if err := in.Decode(&args); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			log.Fatal(err)
		}
		said := ""
		if how == "apart" {
			said = apart(args)
		} else if err := safely(judge, args); err != nil && !errors.Is(err, errParsed) {
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
	if flags.Lookup("help") == nil {
		flags.BoolP("help", "h", false, "")
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	if len(os.Args) > 2 && os.Args[2] == "parse" {
		return errParsed
	}
	return tls(flags)
}

// tls looks at what programs look at when they make their servers.
func tls(flags *pflag.FlagSet) error {
	if f := flags.Lookup("tls-min-version"); f != nil {
		if _, err := cliflag.TLSVersion(f.Value.String()); err != nil {
			return err
		}
	}
	if f := flags.Lookup("tls-cipher-suites"); f != nil {
		if _, err := cliflag.TLSCipherSuites(f.Value.(pflag.SliceValue).GetSlice()); err != nil {
			return err
		}
	}
	return nil
}
