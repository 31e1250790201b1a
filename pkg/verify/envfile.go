package verify

import "strings"

// environmentFile reads assignments as systemd does (man systemd.exec,
// EnvironmentFile=): values may be quoted, in parts too, and go on after a
// backslash at the end of a line.
func environmentFile(text string) map[string]string {
	out := map[string]string{}
	for text = strings.TrimLeft(text, " \t\n"); text != ""; text = strings.TrimLeft(text, " \t\n") {
		line, rest, _ := strings.Cut(text, "\n")
		name, _, isAssignment := strings.Cut(line, "=")
		if text[0] == '#' || text[0] == ';' || !isAssignment {
			text = rest
			continue
		}
		out[strings.TrimSpace(name)], text = environmentValue(text[len(name)+1:])
	}
	return out
}

// environmentValue gives the value at the start of a text, and what follows
// its line.
func environmentValue(text string) (value, rest string) {
	var b strings.Builder
	var quote byte
	text = strings.TrimLeft(text, " \t")
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quote != '\'' && i+1 < len(text):
			i++
			switch {
			case text[i] == '\n':
			case quote == '"' && !strings.ContainsRune("\"\\`$", rune(text[i])):
				b.WriteString(text[i-1 : i+1])
			default:
				b.WriteByte(text[i])
			}
		case quote == 0 && c == '\n':
			return strings.TrimRight(b.String(), " \t"), text[i+1:]
		case c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}
