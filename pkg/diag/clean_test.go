package diag_test

import (
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/diag"
)

// TestClean prints lines with secrets next to the mistake.
func TestClean(t *testing.T) {
	for line, want := range map[string]string{
		`    - {name: core, passwordHash: "$y$j9T$SECRETHASH123456789", shell: bad}`: `    - {name: core, passwordHash: "**************************", shell: bad}`,
		`    - {name: core, pasword: "$y$j9T$SECRET"}`:                               `    - {name: core, pasword: "*************"}`,
		`profiles: {keepalived: {password: SECRETPW, checkInterval: 999}}`:           `profiles: {keepalived: {password: ********, checkInterval: 999}}`,
		`  password: 'two words'`:                                                    `  password: '*********'`,
		`  apiToken: abc # comment`:                                                  `  apiToken: *** # comment`,
		`{password: "äöü", token: b}`:                                                `{password: "***", token: *}`,
		`PASSWD=hunter2`:                                                             `PASSWD=*******`,
		`"client_secret": "x,y}",`:                                                   `"client_secret": "****",`,
		`  secret: true`:                                                             `  secret: true`,
		`  sudo: password`:                                                           `  sudo: password`,
		`- -----BEGIN EC PRIVATE KEY-----MHc`:                                        `- *********************************`,
		`sshAuthorizedKeys: [ssh-ed25519 AAAA me]`:                                   `sshAuthorizedKeys: [ssh-ed25519 AAAA me]`,
		"a: \x1b[31mred\u202e":                                                       `a: \u001b[31mred\u202e`,
		`contents: {inline: "OPEN, SESAME"}, owner: x}`:                              `contents: {inline: "************"}, owner: x}`,
		`  inline: two words`:                                                        `  inline: *********`,
		`contents: SESAME`:                                                           `contents: ******`,
		`  inline: |`:                                                                `  inline: |`,
		`{source: "data:,SESAME", verification: {}}`:                                 `{source: "************", verification: {}}`,
		`source: data:;base64,U0VTQU1F`:                                              `source: *********************`,
		`# core:$6$salt$hash:19000`:                                                  `# core:******************`,
	} {
		list := diag.Clean(diag.List{{Source: line, Message: "wrong: " + line}})
		if got := list[0].Source; got != want {
			t.Errorf("%q\n got %q\nwant %q", line, got, want)
		}
		if strings.Contains(list[0].Message, "SECRETHASH") {
			t.Errorf("the message shows the hash: %s", list[0].Message)
		}
	}
}
