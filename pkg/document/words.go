package document

import "strings"

// plainMessages says in the user's words what Butane and Ignition say in
// theirs, where theirs cannot be understood without knowing them.
var plainMessages = strings.NewReplacer(
	"unused key ", "unknown key ",
	"path not absolute", "the path must start with /",
	"path is not fully simplified", "the path must not hold //, /./, /../ or a / at its end",
	"path not specified", "the path is missing",
	"duplicate entry defined", "this is defined twice in the same file",
	"invalid systemd unit extension", "the name must end like a systemd unit, as in .service or .timer",
	"invalid systemd drop-in extension", "the name of a drop-in must end in .conf",
	"unreasonable mode would be reasonable if specified in octal; remember to add a leading zero", "the mode is decimal: write it with a leading zero, as in 0644",
	"file path includes link in config", "the path goes through a link that the configuration makes",
	"directory path includes link in config", "the path goes through a link that the configuration makes",
	"link path includes link in config", "the path goes through a link that the configuration makes",
	"path conflicts with systemd unit or dropin", "the path is that of a systemd unit or drop-in of the configuration",
	"setuid/setgid/sticky bits are not supported or functional in spec versions older than 3.6.0", "setuid, setgid and sticky bits are not supported",
	"source config is invalid", "the configuration is not valid",
	" is not supported in this spec version", " is not supported",
)

// PlainMessage gives a message of Butane or Ignition in the words of its reader.
func PlainMessage(text string) string { return plainMessages.Replace(text) }
