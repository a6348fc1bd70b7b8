package config

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// How the YAML library words what is wrong with a file.
var (
	unknownKey = regexp.MustCompile(`field (\S+) not found in type [^\s;]+`)
	wrongType  = regexp.MustCompile("cannot construct !!(\\w+)(?: `(.*?)`)? into ([^\\s;]+)(?: \\(TextUnmarshaler\\))?")
	noNetwork  = regexp.MustCompile(`netip\.ParsePrefix\((".*?")\): [^;]*`)
	noYAML     = regexp.MustCompile(`go-yaml load error in \w+ (?:\(.*?\) )?at L(\d+)\.C(\d+): `)
)

// readable words the library's errors for the author of the file, who knows no
// Go types.
func readable(err error) error {
	text := unknownKey.ReplaceAllString(err.Error(), `unknown key "$1"`)
	text = wrongType.ReplaceAllStringFunc(text, misfit)
	text = noNetwork.ReplaceAllString(text, "must be a network like 203.0.113.0/24, is $1")
	text = noYAML.ReplaceAllString(text, "line $1, column $2: ")
	for _, noise := range []string{"yaml: ", "construct errors: ", "<unknown position>: ", "yaml: "} {
		text = strings.TrimPrefix(text, noise)
	}
	return errors.New(text + " (see docs/configuration.md)")
}

// misfit says what must stand where a value has the wrong type.
func misfit(libraryText string) string {
	m := wrongType.FindStringSubmatch(libraryText)
	tag, value, goType := m[1], m[2], m[3]
	is := map[string]string{"seq": "a list", "map": "keys with values", "null": "empty"}[tag]
	return fmt.Sprintf("must be %s, is %s", wanted(goType), cmp.Or(is, fmt.Sprintf("%q", value)))
}

// wanted names in YAML's terms what a Go type is read from.
func wanted(goType string) string {
	switch {
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case goType == "string":
		return "text"
	case goType == "uint16":
		return "a whole number from 0 to 65535"
	case strings.HasSuffix(goType, ".Duration"):
		return "a duration like 90s or 5m"
	case strings.HasSuffix(goType, ".Prefix"):
		return "a network like 203.0.113.0/24"
	}
	return "keys with values"
}
