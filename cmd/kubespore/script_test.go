package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"kubespore": main, "api-server": apiServer})
}

// TestScripts holds the contract of the command line: see testdata/scripts.
func TestScripts(t *testing.T) {
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	bad, err := filepath.Abs("../../testdata/bad")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/scripts",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("EXAMPLES", examples)
			env.Setenv("BAD", bad)
			program, err := exec.LookPath("kubespore") // this one, by testscript.Main
			env.Setenv("BIN", filepath.Dir(program))
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"nosecrets": noSecrets, "registry": startRegistry, "conforms": conforms},
		Condition: func(name string) (bool, error) {
			switch name {
			case "root":
				return os.Geteuid() == 0, nil
			case "bashcompletion":
				_, err := os.Stat("/usr/share/bash-completion/bash_completion")
				return err == nil, nil
			}
			return false, fmt.Errorf("unknown condition %s", name)
		},
	})
}

// noSecrets STORE FILE fails when a file holds a key or a secret of a store, as
// it is or as base64, in whole or a line of it.
func noSecrets(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: nosecrets STORE FILE")
	}
	text, found := ts.ReadFile(args[1]), 0
	err := filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d os.DirEntry, err error) error {
		if ext := filepath.Ext(path); err != nil || ext != ".key" && ext != ".secret" {
			return err
		}
		secret := strings.TrimSpace(ts.ReadFile(path))
		for _, line := range append(strings.Split(secret, "\n"), base64.StdEncoding.EncodeToString([]byte(secret+"\n"))) {
			if len(line) < 8 || strings.HasPrefix(line, "-----") {
				continue
			}
			found++
			if strings.Contains(text, line) {
				ts.Fatalf("%s holds what is in %s", args[1], path)
			}
		}
		return nil
	})
	ts.Check(err)
	if found < 50 {
		ts.Fatalf("only %d secrets found in %s: the search is wrong", found, args[0])
	}
}
