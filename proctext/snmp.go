package proctext

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// TCPOpens are the kernel's own counts of TCP connections since the boot of a
// network namespace (tcpActiveOpens and tcpPassiveOpens of RFC 4022).
type TCPOpens struct {
	Active  uint64 // attempts to connect
	Passive uint64 // attempts that were accepted
}

// ParseTCPOpens reads /proc/net/snmp (proc_net(5)): for each protocol a line of
// names and a line of numbers.
func ParseTCPOpens(text []byte) (TCPOpens, error) {
	var names [][]byte
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) == 0 || string(fields[0]) != "Tcp:" {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		return tcpOpens(names, fields)
	}
	return TCPOpens{}, errors.New("no two lines begin with \"Tcp:\", one of names and one of numbers")
}

func tcpOpens(names, values [][]byte) (o TCPOpens, err error) {
	for name, into := range map[string]*uint64{"ActiveOpens": &o.Active, "PassiveOpens": &o.Passive} {
		if *into, err = valueOf(name, names, values); err != nil {
			return TCPOpens{}, err
		}
	}
	return o, nil
}

func valueOf(name string, names, values [][]byte) (uint64, error) {
	for i, n := range names {
		if string(n) != name {
			continue
		}
		if i >= len(values) {
			break
		}
		v, err := strconv.ParseUint(string(values[i]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s must be a number, is %q", name, values[i])
		}
		return v, nil
	}
	return 0, fmt.Errorf("%s is missing", name)
}

// ParseSocketsUsed reads how many sockets a network namespace has, of all
// families, from /proc/net/sockstat (proc_pid_net(5)): "sockets: used 271". It
// is 0 if that isn't said.
func ParseSocketsUsed(text []byte) int {
	line, _, _ := bytes.Cut(text, []byte{'\n'})
	number, ok := bytes.CutPrefix(line, []byte("sockets: used "))
	if !ok {
		return 0
	}
	n, ok := parseUint(number, 10, 31)
	if !ok {
		return 0
	}
	return int(n)
}
