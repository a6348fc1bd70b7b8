package zabbix

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// The types of interfaces. Zabbix asks the first three for what runs on the host; a
// JMX interface is that of the program itself.
const (
	agentInterface = 1
	snmpInterface  = 2
	ipmiInterface  = 3
	jmxInterface   = 4
)

// availability is what Zabbix found when it last asked an interface.
type availability int64

// What Zabbix says of an interface; most that are not asked at all are unknown.
const (
	availableUnknown availability = iota
	available
	unavailable
)

// iface is an interface of a host.
type iface struct {
	id       uint64
	kind     int64
	main     bool
	byIP     bool
	ip, dns  string
	port     uint16
	is       availability
	fault    string // why it is unavailable
	faultyAt int64  // since when
}

// host is a monitored host.
type host struct {
	id          uint64
	host        mapping.Host
	maintenance bool
	interfaces  []iface
}

// hostQuery is what is asked for of hosts. Fields that a version doesn't know may not
// be asked for, and are answered by another name.
func hostQuery(v version) map[string]any {
	output := []string{"hostid", "host", "name", "maintenance_status"}
	interfaces := []string{"interfaceid", "type", "main", "useip", "ip", "dns", "port"}
	if v.from(5, 4) {
		interfaces = append(interfaces, "available", "error", "errors_from")
	} else {
		output = append(output, "available", "error", "errors_from", "snmp_available", "snmp_error", "snmp_errors_from",
			"ipmi_available", "ipmi_error", "ipmi_errors_from", "jmx_available", "jmx_error", "jmx_errors_from")
	}
	groups := "selectGroups"
	if v.from(6, 2) {
		groups = "selectHostGroups"
		output = append(output, "active_available")
	}
	return map[string]any{"output": output, "selectInterfaces": interfaces, groups: []string{"name"}, "monitored_hosts": true}
}

// read reads a host.
func (h *host) read(j *monitor.JSON) error {
	old := [5]iface{} // by type: before 5.4 a host has one state for all of a type
	err := j.Fields(func(name []byte, v monitor.Value) (err error) {
		switch string(name) {
		case "hostid":
			h.id, err = ident(v)
		case "host":
			h.host.Name, err = text(v, monitor.MaxName)
		case "name":
			h.host.Display, err = text(v, monitor.MaxName)
		case "maintenance_status":
			h.maintenance, err = flag(v)
		case "groups", "hostgroups":
			h.host.Groups, err = names(v, "name")
		case "interfaces":
			err = v.Elements(h.addInterface)
		case "active_available":
			var i iface
			err = i.availability(v)
			h.interfaces = append(h.interfaces, i)
		default:
			err = oldAvailability(&old, name, v)
		}
		return err
	})
	if err != nil {
		return err
	}
	if h.id == 0 || h.host.Name == "" {
		return notZabbix("the answer has a host without a name or ID")
	}
	if h.host.Display == h.host.Name {
		h.host.Display = ""
	}
	h.complete(&old)
	return nil
}

// complete puts the interfaces in order, takes over what older versions say of their
// types, and finds the addresses.
func (h *host) complete(old *[5]iface) {
	slices.SortStableFunc(h.interfaces, func(a, b iface) int {
		return cmp.Or(cmp.Compare(b2i(b.main), b2i(a.main)), cmp.Compare(a.kind, b.kind), cmp.Compare(a.id, b.id))
	})
	for n := range h.interfaces {
		i := &h.interfaces[n]
		if i.kind > 0 && i.kind < int64(len(old)) && i.main && i.is == availableUnknown {
			of := &old[i.kind]
			i.is, i.fault, i.faultyAt = of.is, of.fault, of.faultyAt
		}
		for _, a := range i.addresses() {
			if !slices.Contains(h.host.Addresses, a) {
				h.host.Addresses = append(h.host.Addresses, a)
			}
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// oldAvailability takes what versions before 5.4 say of all interfaces of a type.
func oldAvailability(of *[5]iface, name []byte, v monitor.Value) (err error) {
	switch string(name) {
	case "available":
		err = of[agentInterface].availability(v)
	case "error":
		of[agentInterface].fault, err = text(v, monitor.MaxOutput)
	case "errors_from":
		of[agentInterface].faultyAt, err = number(v)
	case "snmp_available":
		err = of[snmpInterface].availability(v)
	case "snmp_error":
		of[snmpInterface].fault, err = text(v, monitor.MaxOutput)
	case "snmp_errors_from":
		of[snmpInterface].faultyAt, err = number(v)
	case "ipmi_available":
		err = of[ipmiInterface].availability(v)
	case "ipmi_error":
		of[ipmiInterface].fault, err = text(v, monitor.MaxOutput)
	case "ipmi_errors_from":
		of[ipmiInterface].faultyAt, err = number(v)
	case "jmx_available":
		err = of[jmxInterface].availability(v)
	case "jmx_error":
		of[jmxInterface].fault, err = text(v, monitor.MaxOutput)
	case "jmx_errors_from":
		of[jmxInterface].faultyAt, err = number(v)
	}
	return err
}

func (i *iface) availability(v monitor.Value) error {
	n, err := number(v)
	if i.is = availability(n); i.is != available && i.is != unavailable {
		i.is = availableUnknown
	}
	return err
}

func (h *host) addInterface(v monitor.Value) error {
	var i iface
	if err := v.Fields(i.take); err != nil {
		return err
	}
	h.interfaces = append(h.interfaces, i)
	return nil
}

// take takes a field of an interface.
func (i *iface) take(name []byte, v monitor.Value) (err error) {
	switch string(name) {
	case "interfaceid":
		i.id, err = ident(v)
	case "type":
		i.kind, err = number(v)
	case "main":
		i.main, err = flag(v)
	case "useip":
		i.byIP, err = flag(v)
	case "ip":
		i.ip, err = text(v, monitor.MaxName)
	case "dns":
		i.dns, err = text(v, monitor.MaxName)
	case "port":
		i.port, err = portOf(v)
	case "available":
		err = i.availability(v)
	case "error":
		i.fault, err = text(v, monitor.MaxOutput)
	case "errors_from":
		i.faultyAt, err = number(v)
	}
	return err
}

// portOf is a port; 0 for none, or for a macro.
func portOf(v monitor.Value) (uint16, error) {
	s, err := v.Text()
	if err != nil {
		return 0, err
	}
	port, _ := portNumber(s)
	return port, nil
}

// addresses are where an interface is: what it is reached by is first, and the other
// is known as well. A macro is none; 0.0.0.0 stands for no address.
func (i *iface) addresses() (list []string) {
	ip, dns := i.ip, i.dns
	if a, err := netip.ParseAddr(ip); err != nil || a.IsUnspecified() {
		ip = ""
	}
	if !hostName.MatchString(dns) {
		dns = ""
	}
	if !i.byIP {
		ip, dns = dns, ip
	}
	for _, a := range []string{ip, dns} {
		if a != "" {
			list = append(list, a)
		}
	}
	return list
}

// flag is whether a value is 1.
func flag(v monitor.Value) (bool, error) {
	n, err := number(v)
	return n == 1, err
}

// names are a field of each element of a list, sorted.
func names(v monitor.Value, field string) (list []string, err error) {
	err = v.Elements(func(one monitor.Value) error {
		return one.Fields(func(name []byte, v monitor.Value) error {
			if string(name) != field {
				return nil
			}
			s, err := text(v, monitor.MaxName)
			if s != "" {
				list = append(list, s)
			}
			return err
		})
	})
	slices.Sort(list)
	return list, err
}

// hosts asks for all that are monitored and may be seen, in the order of their IDs.
func (s *Source) hosts(ctx context.Context) (all []*host, err error) {
	_, err = s.api.call(ctx, list("host.get", hostQuery(s.api.speaks()), func(j *monitor.JSON) error {
		h := &host{}
		if err := h.read(j); err != nil {
			return err
		}
		all = append(all, h)
		return monitor.Room(len(all), 0)
	}))
	slices.SortFunc(all, func(a, b *host) int { return cmp.Compare(a.id, b.id) })
	return all, err
}

// verdict is what the interfaces of a host say of it: DOWN if none that is asked
// answers, UP if one does. ok is false if none is asked.
func (h *host) verdict(down map[uint64]fault) (status topology.Status, output string, since time.Time, ok bool) {
	var worst *fault
	for n := range h.interfaces {
		i := &h.interfaces[n]
		f, is := down[i.id]
		switch {
		case down == nil || i.id == 0: // what was read with the host is all that is known
			is = i.is == unavailable
			f = fault{i.fault, i.faultyAt}
		case is:
		case i.is == unavailable:
			status = topology.Up // it was, and is no more
		}
		switch {
		case is && worst == nil:
			worst = &f
		case i.is == available && !is:
			status = topology.Up
		}
	}
	switch {
	case status == topology.Up && worst != nil:
		return status, worst.text, time.Time{}, true
	case status == topology.Up:
		return status, "", time.Time{}, true
	case worst != nil:
		return topology.Down, cmp.Or(worst.text, "none of its interfaces answers"), seconds(worst.since), true
	}
	return "", "", time.Time{}, false
}

// fault is why an interface doesn't answer, and since when.
type fault struct {
	text  string
	since int64
}
