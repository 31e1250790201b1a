package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/topology"
)

func runInit(c *call) int {
	file := "topology.yaml"
	if len(c.args) == 1 {
		file = c.args[0]
	}
	key, err := publicKey(c)
	if err != nil {
		return c.answer.finish(cannotRead("--ssh-key", err), nil, nil)
	}
	text, err := starterText(&c.options, key)
	if err != nil {
		return c.answer.misused(err)
	}
	if outlined(&c.options) {
		if list := refusals(c, file, text); list.HasErrors() {
			return c.answer.finish(list, nil, nil)
		}
	}
	if file == "-" {
		_, _ = c.stdout.Write(text)
		return exitFine
	}
	if err := createFile(file, text); err != nil {
		return c.answer.finish(cannotWrite(file, err), nil, nil)
	}
	return c.answer.finish(nil, nil, func(w io.Writer) {
		fmt.Fprintf(w, "wrote %s\n\nnext:\n", file)
		if line := lineOf(text, topology.KeyPlaceholder); line > 0 {
			fmt.Fprintf(w, "  put your public SSH key into line %d, or remove this file and run: kubespore init --ssh-key FILE\n", line)
		}
		if outlined(&c.options) {
			fmt.Fprintf(w, "  kubespore build %s\n", file)
		} else {
			fmt.Fprintf(w, "  edit it, then: kubespore check %s\n", file)
		}
		fmt.Fprintf(w, "  for an editor that completes and checks it: kubespore schema > %s\n", filepath.Join(filepath.Dir(file), schemaFile))
	})
}

// outlined says whether the command line describes the machines.
func outlined(o *options) bool { return len(o.controlPlanes) > 0 }

// starterText gives the text of the file, without the first lines that name the schema.
func starterText(o *options, key string) ([]byte, error) {
	var text []byte
	switch {
	case outlined(o) && o.template != "":
		return nil, &usageError{message: "--template and --control-plane say the same thing in two ways", hint: "leave one of them out"}
	case outlined(o):
		outline, err := outlineOf(o, key)
		if err != nil {
			return nil, err
		}
		text = outline.Text()
	case o.name+o.endpoint+o.gateway != "" || len(o.workers)+len(o.nameservers) > 0:
		return nil, &usageError{message: "a cluster has a control plane", hint: "add --control-plane NAME=ADDRESS/PREFIX, or leave the other machines out too for a commented starter"}
	default:
		names := topology.Templates()
		name := cmp.Or(o.template, names[0])
		if !slices.Contains(names, name) {
			return nil, didYouMean(fmt.Sprintf("unknown template %q", name), name, names, "write --template "+strings.Join(names, " or "))
		}
		text, _ = topology.Template(name)
		// The first line tells editors where the schema is, which is in our docs for the examples.
		_, text, _ = bytes.Cut(text, []byte("\n"))
		text = bytes.ReplaceAll(text, []byte(topology.ExampleKey+" # replace with yours"), []byte(key))
	}
	return slices.Concat([]byte("# yaml-language-server: $schema="+schemaFile+"\n# made by: kubespore schema > "+schemaFile+"\n"), text), nil
}

// outlineOf reads the flags that describe machines.
func outlineOf(given *options, key string) (topology.Outline, error) {
	o := topology.Outline{
		Name: cmp.Or(given.name, "cluster"), Endpoint: given.endpoint, Version: newestVersion(), OS: given.os,
		Gateway: given.gateway, Nameservers: given.nameservers, User: "core", Key: key,
	}
	if slices.Contains([]string{"debian", "ubuntu", "rocky"}, o.OS) {
		o.User = o.OS
	}
	for _, x := range []struct {
		flag, roles string
		values      []string
	}{{"control-plane", "control-plane", given.controlPlanes}, {"worker", "worker", given.workers}} {
		for _, value := range x.values {
			name, address, found := strings.Cut(value, "=")
			if _, err := netip.ParsePrefix(address); !found || err != nil {
				return o, &usageError{message: fmt.Sprintf("--%s: %q is not a name and an address", x.flag, value), hint: "write --" + x.flag + " NAME=ADDRESS/PREFIX, as in cp1=10.0.0.21/24"}
			}
			o.Hosts = append(o.Hosts, topology.OutlineHost{Name: name, Roles: x.roles, Address: address})
		}
	}
	if len(given.workers) == 0 {
		for i := range o.Hosts {
			o.Hosts[i].Roles = "control-plane, worker"
		}
	}
	return o, settleEndpoint(given, &o)
}

// settleEndpoint works out where clients find the API server: one control plane is
// that itself, and an address that no machine has is held by keepalived.
func settleEndpoint(given *options, o *topology.Outline) error {
	first := netip.MustParsePrefix(o.Hosts[0].Address).Addr()
	o.IPv6 = first.Is6()
	switch {
	case o.Endpoint == "" && len(given.controlPlanes) > 1:
		return &usageError{message: "several control planes need an endpoint", hint: "add --endpoint ADDRESS:6443, a free address of their network, which keepalived holds"}
	case o.Endpoint == "":
		o.Endpoint = netip.AddrPortFrom(first, 6443).String()
	case !strings.HasSuffix(o.Endpoint, "]") && strings.LastIndex(o.Endpoint, ":") < 0:
		o.Endpoint += ":6443"
	}
	if at, err := netip.ParseAddrPort(o.Endpoint); err == nil {
		o.Virtual = !slices.ContainsFunc(o.Hosts, func(h topology.OutlineHost) bool {
			return netip.MustParsePrefix(h.Address).Addr() == at.Addr()
		})
	}
	return nil
}

// refusals says what is wrong with a text that is to be written.
func refusals(c *call, file string, text []byte) diag.List {
	c.read[file] = text
	layers, err := c.work.profileLayers()
	if err != nil {
		return cannotRead("--profiles", err)
	}
	_, list := compile.Load(file, text, layers...)
	return slices.DeleteFunc(list, func(d diag.Diagnostic) bool {
		return strings.Contains(string(text), topology.KeyPlaceholder) && strings.Contains(d.Path, "sshAuthorizedKeys")
	})
}

// publicKey gives the key that --ssh-key names, or the user's own, or what must
// be replaced.
func publicKey(c *call) (string, error) {
	if name := c.options.sshKey; name != "" {
		text, err := input.ReadFile(name)
		return strings.TrimSpace(string(text)), err
	}
	for _, name := range []string{"id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub"} {
		if text, err := input.ReadFile(filepath.Join(c.env("HOME"), ".ssh", name)); err == nil {
			return strings.TrimSpace(string(text)), nil
		}
	}
	return topology.KeyPlaceholder, nil
}

// lineOf gives the line of the first occurrence, 0 when there is none.
func lineOf(text []byte, what string) int {
	at := bytes.Index(text, []byte(what))
	if at < 0 {
		return 0
	}
	return bytes.Count(text[:at], []byte("\n")) + 1
}

// schemaFile is where a starter expects the schema: next to it.
const schemaFile = "topology.schema.json"

// createFile writes a file that must not exist.
func createFile(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
