package inference

import (
	"net/netip"
	"slices"

	"github.com/devops-trouble-map/dotm/aggregate/service"
	"github.com/devops-trouble-map/dotm/topology"
)

// Dress names the processes of the services at a node's virtual addresses after
// those that accept there.
func (d *Nodes) Dress(n *topology.Node) {
	for _, a := range n.VirtualAddresses {
		if v := d.edit.VirtualAt(n.Zone, a); v != "" {
			d.dressVirtual(v, a)
		}
	}
}

func (d *Nodes) dressVirtual(v string, a netip.Addr) {
	block := d.edit.Block(v)
	if len(block.Services) == 0 {
		return
	}
	next := block.Clone()
	for _, holder := range slices.Backward(d.book.Holders(v)) {
		behind := d.edit.Block(holder)
		if behind == nil {
			continue
		}
		services := service.ByPort(behind.Services)
		for i := range next.Services {
			s := &next.Services[i]
			if at := services.Accepting(service.At(s.Protocol, s.Port), a); at != nil && at.Process != "" {
				s.Process, s.User, s.Unit, s.Container, s.Image, s.Pod = at.Process, at.User, at.Unit, at.Container, at.Image, at.Pod
			}
		}
	}
	if !topology.SameServices(block.Services, next.Services) {
		d.edit.Put(next)
		d.edit.Touch()
	}
}
