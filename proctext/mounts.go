package proctext

import (
	"bytes"
	"strings"
)

// HidePID gives the value of the option hidepid with which proc is mounted at
// target, from the text of /proc/self/mounts (proc_pid_mounts(5)). It is empty
// if processes are not hidden, or no proc is mounted there. Of several mounts
// on one target the last is the one that is seen.
func HidePID(mounts []byte, target string) string {
	found := ""
	for line := range bytes.Lines(mounts) {
		var cols [4][]byte // device, target, type, options
		if split(line, cols[:]) < 4 || string(cols[2]) != "proc" || unescape(cols[1]) != target {
			continue
		}
		found = option(string(cols[3]), "hidepid")
	}
	if found == "0" || found == "off" {
		return ""
	}
	return found
}

func option(list, name string) string {
	for o := range strings.SplitSeq(list, ",") {
		if key, value, _ := strings.Cut(o, "="); key == name {
			return value
		}
	}
	return ""
}

// unescape undoes the octal escapes in which the kernel shows blanks, tabs,
// newlines and backslashes of a path (getmntent(3)).
func unescape(path []byte) string {
	r := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	return r.Replace(string(path))
}

// ParseNamespaceLink reads what /proc/PID/ns/net and its like point to, as
// "net:[4026531840]" (namespaces(7)): the namespace's inode.
func ParseNamespaceLink(target []byte) (inode uint32, ok bool) {
	_, rest, ok := bytes.Cut(target, []byte(":["))
	if !ok || !bytes.HasSuffix(rest, []byte("]")) {
		return 0, false
	}
	n, ok := parseUint(rest[:len(rest)-1], 10, 32)
	return uint32(n), ok
}
