package diag

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// Clean makes a list fit to be printed, as text or JSON: what looks like a
// secret is masked, and characters that a terminal acts upon are written out.
// Lines of the user's files may hold either next to the mistake that is shown.
func Clean(list List) List {
	out := make(List, len(list))
	for i, d := range list {
		d.Path, d.Message, d.Hint = cleanText(d.Path), cleanText(d.Message), cleanText(d.Hint)
		d.Source = cleanLine(d.Source)
		d.Position.File = visible(d.Position.File)
		related := d.Related
		d.Related = nil
		for _, r := range related {
			r.Position.File, r.Note = visible(r.Position.File), cleanText(r.Note)
			d.Related = append(d.Related, r)
		}
		out[i] = d
	}
	return out
}

var (
	// hash is a password as crypt(5) keeps it.
	hash = regexp.MustCompile(`\$[0-9a-z]{1,8}\$[^\s"',\]}\[{]+`)
	// secretValue is what stands behind a key that sounds like a secret, spelt
	// right or wrong, in YAML, JSON, TOML or an environment file.
	secretValue = regexp.MustCompile(`(?i)[\w-]*(?:pass|pasw|passwd|pwd|secret|token|credential|private-?key|psk)[\w-]*["']?\s*[:=]\s*("[^"]*"?|'[^']*'?|[^\s,}\]#]+)`)
	// contents is what a Butane file says that a file holds, which may be one that not
	// everyone may read.
	contents = regexp.MustCompile(`\b(?:inline|contents)["']?\s*:\s*("[^"]*"?|'[^']*'?|[^\s,}\]#{\["'][^,}\]#]*)|(data:[^\s"'}\]]+)`)
	// keyBlock is a line of a key in PEM.
	keyBlock = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----.*`)
)

// cleanText masks hashes of passwords, which a message may repeat.
func cleanText(text string) string { return visible(hash.ReplaceAllStringFunc(text, mask)) }

// cleanLine masks all that looks like a secret in a line of a file. Its length
// stays, so that what is underlined below it is still what is meant.
func cleanLine(line string) string {
	line = hash.ReplaceAllStringFunc(line, mask)
	line = keyBlock.ReplaceAllStringFunc(line, mask)
	return visible(maskValues(contents, maskValues(secretValue, line)))
}

// maskValues masks what the groups of a pattern match, except words that are not secrets.
func maskValues(pattern *regexp.Regexp, line string) string {
	var masked strings.Builder
	done := 0
	for _, at := range pattern.FindAllStringSubmatchIndex(line, -1) {
		from, to := at[2], at[3]
		if from < 0 {
			from, to = at[4], at[5]
		}
		if value := line[from:to]; !plainWord[strings.Trim(value, `"'`)] {
			masked.WriteString(line[done:from] + mask(value))
			done = to
		}
	}
	return masked.String() + line[done:]
}

// plainWord holds values that say that there is a secret, and not which.
var plainWord = map[string]bool{"": true, "true": true, "false": true, "null": true, "{": true, "[": true, "|": true, "|-": true, ">": true, ">-": true}

// mask keeps the quotes and as many bytes as there were characters.
func mask(text string) string {
	quote := ""
	if len(text) > 1 && (text[0] == '"' || text[0] == '\'') {
		quote = text[:1]
	}
	body := strings.Trim(text, `"'`)
	masked := quote + strings.Repeat("*", len([]rune(body)))
	if quote != "" && strings.HasSuffix(text, quote) {
		masked += quote
	}
	return masked
}

// visible writes out what a terminal would act upon: control characters, and
// marks that turn the direction of the text around them.
func visible(text string) string {
	if !strings.ContainsFunc(text, acts) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if acts(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func acts(r rune) bool {
	return r != '\n' && r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' || r == '\ufeff'
}
