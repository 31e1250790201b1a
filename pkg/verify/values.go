package verify

import (
	"encoding/csv"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// wrongValue says why a program does not take a text as the value of a flag, and
// what to write; both are empty where it does.
func (r release) wrongValue(program, name, value string) (because, hint string) {
	kind, list, _ := r.flag(program, name)
	if name == "feature-gates" {
		return r.wrongGates(program, value)
	}
	if values := r.values[program+" "+name]; values != nil {
		return wrongChoice(name, value, values, list)
	}
	if check := valueKinds[kind]; check != nil {
		return check(value)
	}
	return "", ""
}

// valueKinds are the types of values that are not any text, by the name that the
// release's own code gives them. test/oracle asks that code whether each is judged
// alike.
var valueKinds = map[string]func(value string) (because, hint string){
	"bool":                               wrongBool,
	"int":                                wrongInteger(strconv.IntSize),
	"int32":                              wrongInteger(32),
	"int64":                              wrongInteger(64),
	"level":                              wrongLevel,
	"uint":                               wrongUnsigned,
	"float32":                            wrongNumber(32),
	"float64":                            wrongNumber(64),
	"duration":                           wrongDuration,
	"ip":                                 wrongIP,
	"ipport":                             wrongIPPort,
	"int32slice":                         eachOf(wrongInteger(32)),
	"stringslice":                        wrongCSV,
	"stringtostring":                     wrongPairs,
	"mapstringstring":                    wrongMap,
	"mapstringbool":                      wrongBools,
	"thresholds":                         wrongThresholds,
	"reserved-memory":                    wrongReservedMemory,
	"colonseparatedmultimapstringstring": wrongHeaders,
	"portrange":                          wrongPortRange,
	"quantity":                           wrongQuantity,
	"namedcertkey":                       wrongCertKey,
	"pattern=n,...":                      wrongVModule,
}

func wrongBool(value string) (string, string) {
	if _, err := strconv.ParseBool(value); err != nil {
		return fmt.Sprintf("%q is neither true nor false", value), "write true or false"
	}
	return "", ""
}

func wrongInteger(bits int) func(string) (string, string) {
	return func(value string) (string, string) {
		if _, err := strconv.ParseInt(value, 0, bits); err != nil {
			return fmt.Sprintf("%q is not a whole number", value), "write a number, as in 10"
		}
		return "", ""
	}
}

// wrongLevel is for -v, which takes no negative level.
func wrongLevel(value string) (string, string) {
	if n, err := strconv.ParseInt(value, 10, 32); err != nil || n < 0 {
		return fmt.Sprintf("%q is not a level", value), "write a number, as in 4"
	}
	return "", ""
}

func wrongUnsigned(value string) (string, string) {
	if _, err := strconv.ParseUint(value, 0, strconv.IntSize); err != nil {
		return fmt.Sprintf("%q is not a whole number from 0 on", value), "write a number, as in 10"
	}
	return "", ""
}

func wrongNumber(bits int) func(string) (string, string) {
	return func(value string) (string, string) {
		if _, err := strconv.ParseFloat(value, bits); err != nil {
			return fmt.Sprintf("%q is not a number", value), "write a number, as in 0.5"
		}
		return "", ""
	}
}

func wrongDuration(value string) (string, string) {
	_, err := time.ParseDuration(value)
	if err == nil {
		return "", ""
	}
	if _, err := strconv.ParseFloat(value, 64); err == nil {
		return fmt.Sprintf("%q has no unit of time", value), fmt.Sprintf("write %ss for seconds, %sm for minutes", value, value)
	}
	return fmt.Sprintf("%q is not a duration", value), "write it as in 30s, 5m or 1h30m"
}

func wrongIP(value string) (string, string) {
	if value != "" && net.ParseIP(strings.TrimSpace(value)) == nil {
		return fmt.Sprintf("%q is not an address", value), "write it as in 10.9.0.11, without a port and a prefix length"
	}
	return "", ""
}

func wrongIPPort(value string) (string, string) {
	if value == "" || net.ParseIP(value) != nil {
		return "", ""
	}
	host, port, err := net.SplitHostPort(value)
	if _, bad := utilnet.ParsePortRange(port); err != nil || net.ParseIP(host) == nil || bad != nil {
		return fmt.Sprintf("%q is not an address with a port", value), "write it as in 10.9.0.11:10249"
	}
	return "", ""
}

func eachOf(check func(string) (string, string)) func(string) (string, string) {
	return func(value string) (string, string) {
		for part := range strings.SplitSeq(value, ",") {
			if because, hint := check(part); because != "" {
				return because, hint
			}
		}
		return "", ""
	}
}

// wrongCSV is for lists, which are read as a line of CSV.
func wrongCSV(value string) (string, string) {
	if value == "" {
		return "", ""
	}
	if _, err := csv.NewReader(strings.NewReader(value)).Read(); err != nil {
		return fmt.Sprintf("%q is not a list", value), "write it as in one,other, without quotes"
	}
	return "", ""
}

// wrongPairs is for maps that are read as a line of CSV.
func wrongPairs(value string) (string, string) {
	for part := range strings.SplitSeq(value, ",") {
		if !strings.Contains(part, "=") {
			return fmt.Sprintf("%q is not name=value", part), "write it as in one=1,other=2"
		}
	}
	return "", ""
}

func wrongMap(value string) (string, string) {
	for part := range strings.SplitSeq(value, ",") {
		if part != "" && !strings.Contains(part, "=") {
			return fmt.Sprintf("%q is not name=value", part), "write it as in one=1,other=2"
		}
	}
	return "", ""
}

func wrongBools(value string) (string, string) {
	for part := range strings.SplitSeq(value, ",") {
		if part == "" {
			continue
		}
		_, yes, ok := strings.Cut(part, "=")
		if _, err := strconv.ParseBool(strings.TrimSpace(yes)); !ok || err != nil {
			return fmt.Sprintf("%q is not name=true or name=false", part), "write it as in One=true,Other=false"
		}
	}
	return "", ""
}

// wrongThresholds is for eviction.
func wrongThresholds(value string) (string, string) {
	for part := range strings.SplitSeq(value, ",") {
		if part != "" && !strings.Contains(part, "<") {
			return fmt.Sprintf("%q is not signal<value", part), "write it as in memory.available<200Mi"
		}
	}
	return "", ""
}

// wrongHeaders is for lists of name:value.
func wrongHeaders(value string) (string, string) {
	for part := range strings.SplitSeq(value, ",") {
		if part != "" && !strings.Contains(part, ":") {
			return fmt.Sprintf("%q is not name:value", part), "write it as in One:1,Other:2"
		}
	}
	return "", ""
}

var reservedMemory = regexp.MustCompile(`^\d+:[^,;=]+=[^,;=]+(,[^,;=]+=[^,;=]+)*$`)

func wrongReservedMemory(value string) (string, string) {
	for part := range strings.SplitSeq(value, ";") {
		if value != "" && !reservedMemory.MatchString(part) {
			return fmt.Sprintf("%q is not memory of a node", part), "write it as in 0:memory=1Gi;1:memory=2Gi"
		}
	}
	return "", ""
}

func wrongPortRange(value string) (string, string) {
	if _, err := utilnet.ParsePortRange(value); err != nil {
		return fmt.Sprintf("%q is not a range of ports", value), "write it as in 30000-32767"
	}
	return "", ""
}

func wrongQuantity(value string) (string, string) {
	if _, err := resource.ParseQuantity(value); err != nil {
		return fmt.Sprintf("%q is not a quantity", value), "write it as in 512Ki"
	}
	return "", ""
}

func wrongCertKey(value string) (string, string) {
	parts := strings.Split(strings.SplitN(value, ":", 2)[0], ",")
	if len(parts) != 2 {
		return fmt.Sprintf("%q does not name a certificate and its key", value), "write it as in /etc/x.crt,/etc/x.key"
	}
	return "", ""
}

func wrongVModule(value string) (string, string) {
	for part := range strings.SplitSeq(value, ",") {
		if part == "" {
			continue
		}
		pattern, level, ok := strings.Cut(part, "=")
		if _, err := strconv.ParseUint(level, 10, 31); !ok || pattern == "" || err != nil {
			return fmt.Sprintf("%q is not pattern=level", part), "write it as in controller=4"
		}
	}
	return "", ""
}

// wrongChoice judges a flag that takes values out of a table.
func wrongChoice(name, value string, values []string, list bool) (string, string) {
	given := []string{value}
	if list {
		if because, hint := wrongCSV(value); because != "" {
			return because, hint
		}
		given = strings.Split(value, ",")
	}
	for _, one := range given {
		bare := one
		if name == "controllers" && one != "-*" {
			bare = strings.TrimPrefix(one, "-")
		}
		if list && value == "" || name == "tls-min-version" && one == "" || slices.Contains(values, bare) {
			continue
		}
		hint := "it takes " + strings.Join(values, ", ")
		if len(values) > 10 {
			hint = didYouMean(bare, values)
		}
		return fmt.Sprintf("%q is not one of the words that it takes", one), hint
	}
	return "", ""
}

// wrongGates judges the value of feature-gates. The programs that have
// components take the name of one in front, as in kube:Name=true.
func (r release) wrongGates(program, value string) (string, string) {
	for part := range strings.SplitSeq(value, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		name, yes, ok := strings.Cut(strings.TrimPrefix(part, "kube:"), "=")
		name, yes = strings.TrimSpace(name), strings.TrimSpace(yes)
		on, err := strconv.ParseBool(yes)
		switch locked := r.locked(program, name); {
		case !ok || err != nil:
			return fmt.Sprintf("%q is not name=true or name=false", part), "write it as in " + strings.TrimSpace(name) + "=true"
		case !r.exists("gate", program, name):
			return fmt.Sprintf("there is no feature gate %s in kubernetes %s", name, r.minor), didYouMean(name, r.names("gate", program))
		case locked != "" && locked != strconv.FormatBool(on):
			return fmt.Sprintf("the feature gate %s is always %s in kubernetes %s", name, locked, r.minor), "take it out"
		}
	}
	return "", ""
}
