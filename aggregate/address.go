package aggregate

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/report"
)

// addresses are those of a host, by what they mean to others.
type addresses struct {
	own []netip.Addr // by which others can call it
	// virtual are those of them that it has beside others of their network: a
	// /32 beside an address with its network, as keepalived adds them.
	virtual []netip.Addr
	// loopback are those of them that sit on no network.
	loopback []netip.Addr
	// networks are those of bridges for containers and virtual machines.
	networks []netip.Prefix
}

// hostAddresses sorts the addresses of a report's host by what they mean.
func hostAddresses(r *report.Report) (out addresses) {
	for _, in := range r.Interfaces {
		bridge, loopback := isContainerBridge(in.Name), isLoopback(in.Name)
		main := slices.ContainsFunc(in.Addresses, func(p netip.Prefix) bool {
			return p.Addr().Is4() && !p.IsSingleIP() && isUsable(p.Addr())
		})
		for _, p := range in.Addresses {
			a := p.Addr().Unmap().WithZone("")
			out.own = append(out.own, a)
			switch {
			case bridge:
				if network := p.Masked(); network.IsValid() && !p.IsSingleIP() && isUsable(a) {
					out.networks = append(out.networks, network)
				}
			case loopback:
				out.loopback = append(out.loopback, a)
			case main && p.IsSingleIP() && a.Is4():
				out.virtual = append(out.virtual, a)
			}
		}
	}
	out.own = usable(out.own)
	if out.virtual != nil {
		out.virtual = usable(out.virtual)
	}
	if out.loopback = usable(out.loopback); len(out.loopback) == 0 {
		out.loopback = nil
	}
	slices.SortFunc(out.networks, netip.Prefix.Compare)
	out.networks = slices.Compact(out.networks)
	return out
}

// isContainerBridge tells by its name whether an interface is a bridge that
// Docker, Podman, libvirt, LXC or Kubernetes made for what runs on the host. One
// that bridges to the outside (br0) is none.
func isContainerBridge(name string) bool {
	if id, ok := strings.CutPrefix(name, "br-"); ok {
		return len(id) == 12 && strings.Trim(id, "0123456789abcdef") == ""
	}
	if name == "docker_gwbridge" || strings.HasPrefix(name, "cni-podman") {
		return true
	}
	kind := strings.TrimRight(name, "0123456789")
	return kind != name && slices.Contains([]string{"docker", "podman", "virbr", "lxcbr", "lxdbr", "incusbr", "cni", "cbr"}, kind)
}

// isLoopback tells by its name whether an interface leads nowhere, so that its
// addresses sit on no network.
func isLoopback(name string) bool {
	return name == "lo" || name == "lo0" || strings.HasPrefix(name, "dummy") || name == "kube-ipvs0" || name == "nodelocaldns" || name == "tunl0"
}

// isUsable tells whether others can call a node by an address. Loopback and
// link-local ones mean something else on every host.
func isUsable(a netip.Addr) bool {
	return a.IsValid() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !a.IsUnspecified() && !a.IsMulticast()
}

// usable keeps the addresses by which others can call a node, sorted.
func usable(addrs []netip.Addr) []netip.Addr {
	out := make([]netip.Addr, 0, len(addrs))
	for _, a := range addrs {
		if a = a.Unmap().WithZone(""); isUsable(a) {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}
