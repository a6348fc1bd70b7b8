package topology

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
)

// ServiceID names a service: node, protocol and port, joined by '~', which is
// safe in a URL (RFC 3986, 2.3). A second owner of the same port carries the
// address it listens on as well; the first keeps its id.
func ServiceID(node string, proto Protocol, port uint16, second netip.Addr) string {
	id := escape(node) + "~" + string(proto) + "~" + strconv.Itoa(int(port))
	if second.IsValid() {
		id += "~" + second.String()
	}
	return id
}

// escape keeps the '/' of a container's node out of URL paths.
func escape(node string) string { return strings.ReplaceAll(node, "/", "!") }

// ConnectionID names an edge by its two ends. It is opaque: 16 hexadecimal
// digits of a hash.
func ConnectionID(c *Connection) string {
	var buf [256]byte
	key := buf[:0]
	for _, part := range []string{c.Client.Node, c.Client.Process, string(c.Protocol), c.Server.Node} {
		key = append(append(key, part...), 0)
	}
	key = append(strconv.AppendUint(key, uint64(c.Server.Port), 10), 0)
	key = append(append(key, c.Server.Service...), 0)
	sum := sha256.Sum256(strconv.AppendBool(key, c.Directed))
	return hex.EncodeToString(sum[:8])
}
