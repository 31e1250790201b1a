package compile_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coreos/go-systemd/v22/unit"
	"github.com/pelletier/go-toml/v2"
	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/document"
)

// leaves reads files as the programs that get them do, and gives every value in
// them with the place where it stands and what it is: "FILE key !!str".
type leaves struct {
	t     *testing.T
	shell bool              // read environment files with bash
	keys  *strings.Replacer // shows key material by name
	all   map[string]int
}

// add notes a value; images are told apart without the registry that runtimes
// take for one that is not named.
func (l leaves) add(place, value string) {
	l.all[shortImages.Replace(place)+"\x00"+l.keys.Replace(shortImages.Replace(value))]++
}

var shortImages = strings.NewReplacer("docker.io/library/", "", "docker.io/", "")

// environmentFiles are those that systemd and shells read alike.
func isEnvironment(path string) bool {
	return strings.HasSuffix(path, ".env") || slices.Contains([]string{"/etc/kubernetes/apiserver", "/etc/kubernetes/controller-manager", "/etc/kubernetes/scheduler", "/etc/kubernetes/proxy", "/etc/etcd/etcd.conf", "/etc/kubespore/payload"}, path)
}

func leavesOf(t *testing.T, shell bool, entries []document.Entry, keys *strings.Replacer) map[string]int {
	l := leaves{t, shell, keys, map[string]int{}}
	for _, e := range entries {
		l.add("path", e.Path)
		l.add(e.Path+" owner", e.User+":"+e.Group+" "+e.Target)
		if err := l.file(e); err != nil {
			l.add(e.Path+" cannot be read", err.Error())
		}
	}
	return l.all
}

func (l leaves) file(e document.Entry) error {
	switch ext := filepath.Ext(e.Path); {
	case e.Kind == document.KindDirectory || e.Kind == document.KindLink:
		return nil
	case slices.Contains([]string{".yaml", ".yml", ".json", ".conflist"}, ext) || e.Path == "/var/lib/kube-proxy/config.conf" || strings.HasPrefix(e.Path, "/etc/kubernetes/") && ext == ".conf":
		return l.yaml(e.Path, e.Content)
	case ext == ".toml":
		var tree map[string]any
		if err := toml.Unmarshal(e.Content, &tree); err != nil {
			return err
		}
		l.any(e.Path, tree)
	case slices.Contains([]string{".service", ".timer", ".mount", ".socket", ".network", ".netdev", ".link"}, ext) || e.Kind == document.KindDropin:
		sections, err := unit.DeserializeSections(bytes.NewReader(e.Content))
		if err != nil {
			return err
		}
		for _, s := range sections {
			for _, o := range s.Entries {
				l.option(e.Path+" "+s.Section+"."+o.Name, o.Name, o.Value)
			}
		}
	case isEnvironment(e.Path):
		kvs := environment(string(e.Content))
		if l.shell { // which must read the same
			kvs = sourced(l.t, e.Content)
		}
		for _, kv := range kvs {
			values := []string{kv[1]}
			if strings.HasSuffix(kv[0], "ARGS") { // that a unit makes arguments of
				values = arguments(kv[1], false)
			}
			for _, v := range values {
				l.add(e.Path+" "+kv[0], v)
			}
		}
	case bytes.HasPrefix(e.Content, []byte("#!")):
		l.add(e.Path, string(e.Content))
	default:
		l.plain(e.Path, string(e.Content))
	}
	return nil
}

// plain is for the languages in which blanks part words and a line is a sentence.
func (l leaves) plain(place, text string) {
	for _, line := range strings.Split(text, "\n") {
		line, _, commented := strings.Cut(line, "#")
		fields := strings.Fields(line)
		l.add(fmt.Sprintf("%s line of %d words", place, len(fields)), fmt.Sprint(fields, commented))
	}
}

func (l leaves) yaml(place string, text []byte) error {
	d := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var n yaml.Node
		if err := d.Decode(&n); err != nil {
			if err.Error() == "EOF" {
				return nil
			}
			return err
		}
		l.node(place, &n)
	}
}

func (l leaves) node(place string, n *yaml.Node) {
	switch n.Kind {
	case yaml.ScalarNode:
		var inner yaml.Node
		switch {
		// Files within files are blocks; what stands in quotes is one value.
		case !strings.Contains(n.Value, "\n") || n.Style&yaml.DoubleQuotedStyle != 0:
			l.add(place+" "+n.ShortTag(), n.Value)
		case yaml.Unmarshal([]byte(n.Value), &inner) == nil && len(inner.Content) > 0 && inner.Content[0].Kind == yaml.MappingNode:
			l.node(place+" within", &inner)
		default:
			l.plain(place+" within", n.Value)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			l.add(place+" key "+key.ShortTag(), key.Value)
			l.node(place+"."+key.Value, n.Content[i+1])
		}
	default:
		for _, child := range n.Content {
			l.node(place+"[]", child)
		}
	}
}

func (l leaves) any(place string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			l.add(place+" key", key)
			l.any(place+"."+key, value)
		}
	case []any:
		for _, value := range v {
			l.any(place+"[]", value)
		}
	default:
		l.add(fmt.Sprintf("%s %T", place, v), fmt.Sprint(v))
	}
}

// option reads a line of a unit: specifiers, and of commands the arguments.
func (l leaves) option(place, name, value string) {
	if !strings.HasPrefix(name, "Exec") {
		l.add(place, specifiers(value))
		return
	}
	for _, a := range arguments(value, true) {
		l.add(place+" argument", a)
	}
}

// specifiers takes %% for a percent sign; what else % begins is marked.
func specifiers(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+1 < len(s) {
			if i++; s[i] != '%' {
				fmt.Fprintf(&b, "<specifier %c>", s[i])
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// arguments splits a command line as extract_first_word of systemd does; in units
// escapes of C, specifiers and variables count too.
func arguments(line string, inUnit bool) []string {
	var out []string
	var word strings.Builder
	open, quote := false, byte(0)
	flush := func() {
		if open {
			w := word.String()
			if inUnit {
				w = variables(specifiers(w))
			}
			out = append(out, w)
		}
		word.Reset()
		open = false
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && i+1 < len(line) && line[i+1] == '\n':
			i++ // goes on in the next line
		case c == '\\' && i+1 < len(line):
			i++
			open = true
			if at := strings.IndexByte("abfnrtvsx01234567", line[i]); inUnit && at >= 0 {
				fmt.Fprintf(&word, "<escape %c>", line[i])
			} else {
				word.WriteByte(line[i])
			}
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, open = c, true
		case quote == 0 && strings.IndexByte(" \t\n", c) >= 0:
			flush()
		default:
			word.WriteByte(c)
			open = true
		}
	}
	if quote != 0 {
		word.WriteString("<quote left open>")
	}
	flush()
	return out
}

func variables(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '$' && i+1 < len(s) {
			if i++; s[i] != '$' {
				fmt.Fprintf(&b, "<variable %c", s[i])
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// environment reads an environment file as parse_env_file of systemd does.
func environment(text string) [][2]string {
	var out [][2]string
	for i := 0; i < len(text); {
		end := strings.IndexByte(text[i:], '\n')
		if end < 0 {
			end = len(text) - i
		}
		line := text[i : i+end]
		key, _, isPair := strings.Cut(line, "=")
		if trimmed := strings.TrimSpace(line); trimmed == "" || strings.ContainsRune("#;", rune(trimmed[0])) || !isPair {
			i += end + 1
			continue
		}
		i += len(key) + 1
		var value strings.Builder
		kept, quote := 0, byte(0) // blanks at the end of what has no quotes go
		for ; i < len(text); i++ {
			c := text[i]
			if quote == 0 && c == '\n' {
				i++
				break
			}
			switch {
			case quote == '\'' && c != '\'':
				value.WriteByte(c)
				kept = value.Len()
			case quote != 0 && c == quote:
				quote = 0
			case c == '\\' && i+1 < len(text):
				i++
				if text[i] != '\n' {
					if quote == '"' && strings.IndexByte("\"\\`$", text[i]) < 0 {
						value.WriteByte('\\')
					}
					value.WriteByte(text[i])
				}
				kept = value.Len()
			case quote == 0 && (c == '"' || c == '\'') && value.Len() == kept && strings.TrimSpace(value.String()) == "":
				quote = c
			case quote == 0 && (c == ' ' || c == '\t') && value.Len() == 0:
			default:
				value.WriteByte(c)
				if quote != 0 || c != ' ' && c != '\t' {
					kept = value.Len()
				}
			}
		}
		out = append(out, [2]string{strings.TrimSpace(key), value.String()[:kept]})
	}
	return out
}

// standIn is what tests have in the place of a secret, which a shell would act upon.
var standIn = regexp.MustCompile(`<<([a-z]+/[a-z0-9/-]+)>>`)

// bashRead is what bash made of an environment file, by content.
var bashRead sync.Map

// sourced reads an environment file with a real shell.
func sourced(t *testing.T, content []byte) [][2]string {
	t.Helper()
	content = standIn.ReplaceAll(content, []byte("$1"))
	if kvs, ok := bashRead.Load(string(content)); ok {
		return kvs.([][2]string)
	}
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	names := ""
	for _, kv := range environment(string(content)) {
		names += " " + kv[0]
	}
	cmd := exec.Command("bash", "--norc", "-c", `set -eu; PATH=/nowhere; . "$0"; for name in `+names+`; do printf '%s\0%s\0' "$name" "${!name}"; done`, file)
	cmd.Env = []string{}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return [][2]string{{"bash", string(out)}}
	}
	parts := strings.Split(string(out), "\x00")
	var kvs [][2]string
	for i := 0; i+1 < len(parts); i += 2 {
		kvs = append(kvs, [2]string{parts[i], parts[i+1]})
	}
	bashRead.Store(string(content), kvs)
	return kvs
}
