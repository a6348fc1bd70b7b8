package collect

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// sshPort is the port of SSH (RFC 4253, 4.1).
const sshPort = 22

// Limits of an address, beside [maxURL].
const (
	maxUser  = 255 // bytes
	maxHost  = 253 // bytes (RFC 1035, 2.3.4)
	maxJumps = 4
)

// Hop is one SSH server, and whom to log in there as.
type Hop struct {
	User string // empty: the one that dotm runs as
	Host string // name or IP address, lower case, without brackets
	Port uint16
}

// SSHAddress is what the address of a node that is asked over SSH says.
type SSHAddress struct {
	Hop
	// Jump lists the servers to go through, in order.
	Jump []Hop
	// NoSudo says never to try sudo on the node.
	NoSudo bool
}

// ParseSSHAddress reads ssh://[USER@]HOST[:PORT][?jump=[USER@]HOST[:PORT],…&sudo=no].
// IPv6 addresses stand in brackets, their zone after %25. It alone decides which
// addresses are possible. The error is a [*TargetError].
func ParseSSHAddress(text string) (SSHAddress, error) {
	a, err := parseSSH(text)
	if err != nil {
		return SSHAddress{}, &TargetError{"url", fmt.Sprintf("must be like ssh://user@host:22 (%v)", err), text}
	}
	return a, nil
}

func parseSSH(text string) (a SSHAddress, err error) {
	if len(text) > maxURL {
		return a, fmt.Errorf("it must have at most %d bytes", maxURL)
	}
	u, err := url.Parse(text)
	if err != nil {
		return a, errors.Unwrap(err)
	}
	switch {
	case u.Scheme != "ssh" || u.Opaque != "":
		return a, errors.New("it must begin with ssh://")
	case u.Path != "" && u.Path != "/", u.Fragment != "":
		return a, errors.New("nothing but ?jump=… and ?sudo=no may follow the host")
	}
	if _, given := u.User.Password(); given {
		return a, errors.New("passwords are not used: give a key, or let ssh-agent hold it")
	}
	if a.Hop, err = newHop(u.User.Username(), u.Hostname(), u.Port()); err != nil {
		return a, err
	}
	return a, a.parseQuery(u.RawQuery)
}

func (a *SSHAddress) parseQuery(raw string) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return err
	}
	for key, values := range query {
		switch {
		case key == "jump" && len(values) == 1:
			if a.Jump, err = ParseHops(values[0]); err != nil {
				return err
			}
		case key == "sudo" && len(values) == 1 && values[0] == "no":
			a.NoSudo = true
		default:
			return fmt.Errorf("only jump=HOSTS and sudo=no are known after the question mark, once each, not %.40q", key)
		}
	}
	return nil
}

// ParseHops reads a list of jump hosts: [USER@]HOST[:PORT], separated by commas.
// An empty text is an empty list.
func ParseHops(text string) ([]Hop, error) {
	if text == "" {
		return nil, nil
	}
	parts := strings.Split(text, ",")
	if len(parts) > maxJumps {
		return nil, fmt.Errorf("at most %d jump hosts are possible, not %d", maxJumps, len(parts))
	}
	hops := make([]Hop, 0, len(parts))
	for _, part := range parts {
		h, err := parseHop(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("jump host must be like user@host:22, is %.100q: %w", part, err)
		}
		hops = append(hops, h)
	}
	return hops, nil
}

func parseHop(text string) (Hop, error) {
	u, err := url.Parse("ssh://" + text)
	switch {
	case err != nil:
		return Hop{}, errors.Unwrap(err)
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return Hop{}, errors.New("nothing may follow the port")
	}
	if _, given := u.User.Password(); given {
		return Hop{}, errors.New("passwords are not used")
	}
	return newHop(u.User.Username(), u.Hostname(), u.Port())
}

// newHop checks the parts of a hop.
func newHop(user, host, port string) (Hop, error) {
	host, err := cleanHost(host)
	if err != nil {
		return Hop{}, err
	}
	h := Hop{User: user, Host: host, Port: sshPort}
	if len(user) > maxUser || strings.ContainsFunc(user, outsideUser) {
		return Hop{}, fmt.Errorf("the user must be at most %d bytes, without blanks, commas and control characters", maxUser)
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return Hop{}, fmt.Errorf("the port must be 1 to 65535, is %.20q", port)
		}
		h.Port = uint16(n)
	}
	return h, nil
}

func outsideUser(r rune) bool {
	return r == ',' || r == unicode.ReplacementChar || unicode.IsSpace(r) || !unicode.IsGraphic(r)
}

// cleanHost gives a host the one form that names it. The zone of an IPv6 address
// is the name of an interface, in which case matters.
func cleanHost(host string) (string, error) {
	if addr, err := netip.ParseAddr(host); err == nil && !strings.ContainsFunc(addr.Zone(), notInName) {
		return addr.String(), nil
	}
	switch {
	case host == "":
		return "", errors.New("the host is missing")
	case len(host) > maxHost, host[0] == '-', strings.ContainsFunc(host, notInName):
		return "", fmt.Errorf("the host must be an IP address, or letters, digits, '.', '-' and '_', at most %d bytes", maxHost)
	}
	return strings.ToLower(host), nil
}

// readable undoes the escapes of what means nothing in a query (RFC 3986, 3.4).
var readable = strings.NewReplacer("%40", "@", "%3A", ":", "%5B", "[", "%5D", "]")

// String is the address in its shortest form; equal addresses give equal texts.
func (a SSHAddress) String() string {
	u := url.URL{Scheme: "ssh", Host: a.host()}
	if a.User != "" {
		u.User = url.User(a.User)
	}
	var query []string
	if len(a.Jump) > 0 {
		list := make([]string, 0, len(a.Jump))
		for _, h := range a.Jump {
			list = append(list, readable.Replace(url.QueryEscape(h.String())))
		}
		query = append(query, "jump="+strings.Join(list, ","))
	}
	if a.NoSudo {
		query = append(query, "sudo=no")
	}
	u.RawQuery = strings.Join(query, "&")
	return u.String()
}

// String is USER@HOST:PORT, without what is the default.
func (h Hop) String() string {
	u := url.URL{Host: h.host()}
	if h.User != "" {
		u.User = url.User(h.User)
	}
	return strings.TrimPrefix(u.String(), "//")
}

// host is HOST or HOST:PORT, IPv6 in brackets.
func (h Hop) host() string {
	switch {
	case h.Port != sshPort:
		return h.Dial()
	case strings.Contains(h.Host, ":"):
		return "[" + h.Host + "]"
	}
	return h.Host
}

// Dial is HOST:PORT, as net.Dial and known_hosts take it.
func (h Hop) Dial() string { return net.JoinHostPort(h.Host, strconv.Itoa(int(h.Port))) }
