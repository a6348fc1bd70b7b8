// Package address says which node an address means ([Book]). Addresses resolve
// within their zone: to a virtual address's node, to the node itself, to what runs
// on its host, to the one reporter that has them, else to an inferred node or to
// what lies outside the internal networks.
//
// It changes nothing: it reads the topology in the making, the settings, and the
// interfaces of a report ([Of]).
package address

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/report"
)

// Set are the addresses of a host, by what they mean to others.
type Set struct {
	Own []netip.Addr // by which others can call it
	// Virtual are those of them that it has beside others of their network: a
	// /32 beside an address with its network, as keepalived adds them.
	Virtual []netip.Addr
	// Loopback are those of them that sit on no network.
	Loopback []netip.Addr
	// Networks are those of bridges for containers and virtual machines.
	Networks []netip.Prefix
}

// Of sorts the addresses of a report's host by what they mean.
func Of(r *report.Report) (out Set) {
	for _, in := range r.Interfaces {
		bridge, loopback := isContainerBridge(in.Name), isLoopback(in.Name)
		main := slices.ContainsFunc(in.Addresses, func(p netip.Prefix) bool {
			return p.Addr().Is4() && !p.IsSingleIP() && isUsable(p.Addr())
		})
		for _, p := range in.Addresses {
			a := p.Addr().Unmap().WithZone("")
			out.Own = append(out.Own, a)
			switch {
			case bridge:
				if network := p.Masked(); network.IsValid() && !p.IsSingleIP() && isUsable(a) {
					out.Networks = append(out.Networks, network)
				}
			case loopback:
				out.Loopback = append(out.Loopback, a)
			case main && p.IsSingleIP() && a.Is4():
				out.Virtual = append(out.Virtual, a)
			}
		}
	}
	out.Own = Usable(out.Own)
	if out.Virtual != nil {
		out.Virtual = Usable(out.Virtual)
	}
	if out.Loopback = Usable(out.Loopback); len(out.Loopback) == 0 {
		out.Loopback = nil
	}
	slices.SortFunc(out.Networks, netip.Prefix.Compare)
	out.Networks = slices.Compact(out.Networks)
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

// Usable keeps the addresses by which others can call a node, sorted.
func Usable(addrs []netip.Addr) []netip.Addr {
	out := make([]netip.Addr, 0, len(addrs))
	for _, a := range addrs {
		if a = a.Unmap().WithZone(""); isUsable(a) {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}
