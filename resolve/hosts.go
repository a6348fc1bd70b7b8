package resolve

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
)

// HostsFile is where hosts(5) is.
const HostsFile = "/etc/hosts"

// Limits of hosts(5). There are such files with a hundred thousand names, none
// of which is a peer's: they block advertising by 0.0.0.0, and are passed over
// quickly.
const (
	maxHostsBytes = 16 << 20
	maxHostsLine  = 4 << 10
	maxHosts      = 10_000
)

// ReadHosts takes the names of a file like hosts(5), in the place of those it
// took before. A file that isn't there has none; another that can't be read is
// an error. What is beyond 16 MiB or 10,000 addresses is left out.
func (n *Names) ReadHosts(path string) error {
	n.hosts = nil
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading names of hosts: %w", err)
	}
	defer f.Close() //nolint:errcheck // reading only
	text, err := io.ReadAll(io.LimitReader(f, maxHostsBytes))
	if err != nil {
		return fmt.Errorf("reading names of hosts: %w", err)
	}
	n.hosts = ParseHosts(text)
	return nil
}

// ParseHosts reads the text of hosts(5): an address and the name of its host,
// other names behind that one, comments from '#' to the line's end. Of several
// lines on one address the first counts, as for gethostbyaddr(3). A line that
// can't be understood, is longer than 4 KiB, or is about an address that is not
// [Nameable] is passed over, as are all beyond 10,000 addresses.
func ParseHosts(text []byte) map[netip.Addr]string {
	hosts := map[netip.Addr]string{}
	for line := range bytes.Lines(text) {
		if len(line) > maxHostsLine {
			continue
		}
		if a, name, ok := parseHost(line); ok && hosts[a] == "" && len(hosts) < maxHosts {
			hosts[a] = name
		}
	}
	return hosts
}

func parseHost(line []byte) (a netip.Addr, name string, ok bool) {
	line, _, _ = bytes.Cut(line, []byte{'#'})
	line = bytes.TrimLeft(line, blanks)
	end := bytes.IndexAny(line, blanks)
	if end < 0 || blocked(line[:end]) {
		return a, "", false
	}
	a, err := netip.ParseAddr(string(line[:end]))
	if a = a.Unmap(); err != nil || !Nameable(a) {
		return a, "", false
	}
	rest := bytes.TrimLeft(line[end:], blanks)
	if end := bytes.IndexAny(rest, blanks); end >= 0 {
		rest = rest[:end]
	}
	name, ok = HostName(string(rest))
	return a, name, ok
}

// blanks stand between addresses and names, and at the ends of lines.
const blanks = " \t\r\n"

// blocked tells the addresses of lists against advertising.
func blocked(address []byte) bool {
	return string(address) == "0.0.0.0" || string(address) == "127.0.0.1"
}
