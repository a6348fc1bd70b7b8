package topology

import (
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"
)

var later = noon.Add(time.Minute)

func TestSameNode(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Node)
		want   bool
	}{
		{"nothing", func(*Node) {}, true},
		{"last report", func(n *Node) { n.LastReport = later }, true},
		{"skew", func(n *Node) { n.Skew = 5 }, true},
		{"cost", func(n *Node) { n.Cost.Sockets = 5 }, true},
		{"location of a time", func(n *Node) { n.FirstSeen = n.FirstSeen.In(time.FixedZone("", 3600)) }, true},
		{"name", func(n *Node) { n.Name = "x" }, false},
		{"kind", func(n *Node) { n.Kind = Container }, false},
		{"zone", func(n *Node) { n.Zone = "x" }, false},
		{"addresses", func(n *Node) { n.Addresses = addrs("10.0.0.2") }, false},
		{"state", func(n *Node) { n.State = Stale }, false},
		{"status", func(n *Node) { n.Status = "CRITICAL" }, false},
		{"first seen", func(n *Node) { n.FirstSeen = later }, false},
		{"interval", func(n *Node) { n.Interval = 1 }, false},
		{"identity", func(n *Node) { n.Identity = "x" }, false},
		{"agent", func(n *Node) { n.Agent = "x" }, false},
		{"way of collecting", func(n *Node) { n.Collect = "text" }, false},
		{"a finding", func(n *Node) { n.Findings = []Note{{Code: "clone"}} }, false},
		{"a holder", func(n *Node) { n.Holders = []Holder{{Node: "a", Since: noon}} }, false},
		{"seen by", func(n *Node) { n.SeenBy = []string{"x"} }, false},
		{"notes", func(n *Node) { n.Notes = []Note{{Code: "x"}} }, false},
		{"hidden processes", func(n *Node) { n.HiddenProcesses = 1 }, false},
		{"forwards", func(n *Node) { n.Forwards = []Forward{forward("10.0.0.1:81", "172.17.0.2:80")} }, false},
		{"a forward's target", func(n *Node) { n.Forwards = []Forward{forward("10.0.0.1:80", "172.17.0.2:81")} }, false},
		{"a forward's protocol", func(n *Node) { n.Forwards = slices.Clone(n.Forwards); n.Forwards[0].Protocol = "udp" }, false},
		{"one forward more", func(n *Node) { n.Forwards = append(slices.Clone(n.Forwards), n.Forwards[0]) }, false},
		{"no forward", func(n *Node) { n.Forwards = nil }, false},
		{"a copy of the forwards", func(n *Node) { n.Forwards = slices.Clone(n.Forwards) }, true},
	} {
		a := host("a", "10.0.0.1").Node
		a.FirstSeen = noon
		a.Forwards = []Forward{forward("10.0.0.1:80", "172.17.0.2:80")}
		b := a
		tt.change(&b)
		if SameNode(&a, &b) != tt.want || SameNode(&b, &a) != tt.want {
			t.Errorf("%s: the same must be %t", tt.name, tt.want)
		}
	}
}

func forward(from, to string) Forward {
	return Forward{Protocol: "tcp", From: netip.MustParseAddrPort(from), To: netip.MustParseAddrPort(to)}
}

func TestSameServices(t *testing.T) {
	listening := Service{ID: "s", Node: "a", State: Listening, Addresses: addrs("::"), FirstSeen: noon, LastSeen: noon, LastConnection: noon}
	busy, gone := listening, listening
	busy.Clients, gone.State = 1, Gone
	for _, tt := range []struct {
		name   string
		base   Service
		change func(*Service)
		want   bool
	}{
		{"nothing", busy, func(*Service) {}, true},
		{"last seen", listening, func(s *Service) { s.LastSeen = later }, true},
		{"last seen of a gone one", gone, func(s *Service) { s.LastSeen = later }, false},
		{"last connection", listening, func(s *Service) { s.LastConnection = later }, false},
		{"last connection of a busy one", busy, func(s *Service) { s.LastConnection = later }, true},
		{"clients", busy, func(s *Service) { s.Clients = 2 }, false},
		{"id", busy, func(s *Service) { s.ID = "x" }, false},
		{"process", busy, func(s *Service) { s.Process = "x" }, false},
		{"user", busy, func(s *Service) { s.User = "x" }, false},
		{"addresses", busy, func(s *Service) { s.Addresses = addrs("0.0.0.0") }, false},
		{"scope", busy, func(s *Service) { s.Scope = ScopeLoopback }, false},
		{"state", busy, func(s *Service) { s.State = Seen }, false},
		{"status", busy, func(s *Service) { s.Status = "x" }, false},
		{"container", busy, func(s *Service) { s.Container = "x" }, false},
		{"unit", busy, func(s *Service) { s.Unit = "x" }, false},
		{"image", busy, func(s *Service) { s.Image = "x" }, false},
		{"pod", busy, func(s *Service) { s.Pod = "x" }, false},
		{"queue", busy, func(s *Service) { s.Queue = 1 }, false},
		{"longest queue", busy, func(s *Service) { s.QueueMax = 1 }, false},
		{"drops", busy, func(s *Service) { s.Drops = 1 }, false},
		{"own", busy, func(s *Service) { s.Own = true }, false},
		{"first seen", busy, func(s *Service) { s.FirstSeen = later }, false},
	} {
		changed := tt.base
		tt.change(&changed)
		if got := SameServices([]Service{tt.base}, []Service{changed}); got != tt.want {
			t.Errorf("%s: same is %t, want %t", tt.name, got, tt.want)
		}
	}
	if SameServices([]Service{busy}, nil) || !SameServices(nil, []Service{}) {
		t.Error("lists of different lengths are the same, or two empty ones are not")
	}
}

func TestSameConnections(t *testing.T) {
	open := Connection{ID: "c", Count: 1, FirstSeen: noon, LastSeen: noon, Evidence: Evidence{SeenBy: []Sighting{{"a", "client", noon}}}}
	closed := open
	closed.Count = 0
	healthy := open
	healthy.Health = &Health{End: "client", RTT: 5, Connecting: 1, ConnectingSince: noon, CloseWait: 1, CloseWaitSince: noon}
	health := func(change func(*Health)) func(*Connection) {
		return func(c *Connection) { h := *c.Health; change(&h); c.Health = &h }
	}
	for _, tt := range []struct {
		name   string
		base   Connection
		change func(*Connection)
		want   bool
	}{
		{"nothing", open, func(*Connection) {}, true},
		{"last seen", open, func(c *Connection) { c.LastSeen = later }, true},
		{"last seen of a closed one", closed, func(c *Connection) { c.LastSeen = later }, false},
		{"time of a sighting", open, func(c *Connection) { c.Evidence.SeenBy = []Sighting{{"a", "client", later}} }, true},
		{"address, where many take turns", open, func(c *Connection) { c.Evidence.ClientAddress = "x" }, true},
		{"another sighting", open, func(c *Connection) { c.Evidence.SeenBy = []Sighting{{"a", "server", noon}} }, false},
		{"both ends", open, func(c *Connection) { c.Evidence.BothEnds = true }, false},
		{"how the client was resolved", open, func(c *Connection) { c.Evidence.ClientResolved = "x" }, false},
		{"how the server was resolved", open, func(c *Connection) { c.Evidence.ServerResolved = "x" }, false},
		{"id", open, func(c *Connection) { c.ID = "x" }, false},
		{"client", open, func(c *Connection) { c.Client.Service = "x" }, false},
		{"server", open, func(c *Connection) { c.Server.Port = 1 }, false},
		{"count", open, func(c *Connection) { c.Count = 2 }, false},
		{"opened", open, func(c *Connection) { c.Opened = 2 }, false},
		{"status", open, func(c *Connection) { c.Status = Old }, false},
		{"own", open, func(c *Connection) { c.Own = true }, false},
		{"peers", open, func(c *Connection) { c.Peers = 2 }, false},
		{"first seen", open, func(c *Connection) { c.FirstSeen = later }, false},
		{"client's unit", open, func(c *Connection) { c.Client.Unit = "x" }, false},
		{"client's container", open, func(c *Connection) { c.Client.Container = "x" }, false},
		{"refused", open, func(c *Connection) { c.Refused = 1 }, false},
		{"timed out", open, func(c *Connection) { c.TimedOut = 1 }, false},
		{"failed", open, func(c *Connection) { c.Failed = 1 }, false},
		{"measured for the first time", open, func(c *Connection) { c.Health = &Health{} }, false},
		{"measured no more", healthy, func(c *Connection) { c.Health = nil }, false},
		{"measured the same", healthy, health(func(*Health) {}), true},
		{"in another zone of time", healthy, health(func(h *Health) {
			h.ConnectingSince, h.CloseWaitSince = noon.In(time.FixedZone("", 3600)), noon.In(time.FixedZone("", 7200))
		}), true},
		{"connecting since", healthy, health(func(h *Health) { h.ConnectingSince = later }), false},
		{"not read since", healthy, health(func(h *Health) { h.CloseWaitSince = later }), false},
	} {
		changed := tt.base
		tt.change(&changed)
		if got := SameConnections([]*Connection{&tt.base}, []*Connection{&changed}); got != tt.want {
			t.Errorf("%s: same is %t, want %t", tt.name, got, tt.want)
		}
	}
}

// TestSameForgetsNoField changes every field of every type, one at a time: it
// shows, or is listed here with the reason why it doesn't.
func TestSameForgetsNoField(t *testing.T) {
	node := host("a", "10.0.0.1").Node
	service := Service{ID: "s", State: Listening}
	open := Connection{ID: "c", Count: 1, Health: &Health{End: "client"}, Evidence: Evidence{SeenBy: []Sighting{{"a", "client", noon}}}}
	for _, tt := range []struct {
		name   string
		value  any
		same   func(changed any) bool
		hidden []string
	}{
		{"Node", node, func(n any) bool { b := n.(Node); return SameNode(&node, &b) }, []string{
			"LastReport", "Skew", "Cost", // they always change
			"Weak",     // says the kind of Identity
			"Instance", // an agent that starts anew is the same
		}},
		{"Former", Former{}, func(f any) bool {
			a, b := node, node
			a.Formerly, b.Formerly = []Former{{}}, []Former{f.(Former)}
			return SameNode(&a, &b)
		}, nil},
		{"AddressChange", AddressChange{}, func(c any) bool {
			a, b := node, node
			a.AddressChanges, b.AddressChanges = []AddressChange{{}}, []AddressChange{c.(AddressChange)}
			return SameNode(&a, &b)
		}, nil},
		{"Holder", Holder{}, func(h any) bool {
			a, b := node, node
			a.Holders, b.Holders = []Holder{{}}, []Holder{h.(Holder)}
			return SameNode(&a, &b)
		}, nil},
		{"Source", Source{}, func(s any) bool {
			a, b := node, node
			a.Sources, b.Sources = []Source{{}}, []Source{s.(Source)}
			return SameNode(&a, &b)
		}, []string{"Count"}}, // rough
		{"Service", service, func(s any) bool { b := s.(Service); return SameService(&service, &b) }, []string{
			"Node", "Protocol", "Port", // in ID
			"LastSeen", // advances while it listens
			"PID",      // no chart shows it
		}},
		{"Connection", open, func(c any) bool { b := c.(Connection); return SameConnection(&open, &b) }, []string{
			"Protocol", "Directed", // in ID
			"LastSeen",       // advances while it is open
			"LastConnection", // goes with Opened
		}},
		{"Health", *open.Health, func(h any) bool {
			b, health := open, h.(Health)
			b.Health = &health
			return SameConnection(&open, &b) || SameConnection(&b, &open)
		}, nil},
		{"Client", open.Client, func(c any) bool { b := open; b.Client = c.(Client); return SameConnection(&open, &b) }, nil},
		{"Server", open.Server, func(s any) bool { b := open; b.Server = s.(Server); return SameConnection(&open, &b) }, nil},
		{"Evidence", open.Evidence, func(e any) bool { b := open; b.Evidence = e.(Evidence); return SameConnection(&open, &b) }, []string{
			"ClientAddress", "ServerAddress", // many peers take turns
		}},
		{"Sighting", open.Evidence.SeenBy[0], func(s any) bool {
			b := open
			b.Evidence.SeenBy = []Sighting{s.(Sighting)}
			return SameConnection(&open, &b)
		}, []string{"At"}},
	} {
		kind := reflect.TypeOf(tt.value)
		for i := range kind.NumField() {
			changed := reflect.New(kind).Elem()
			changed.Set(reflect.ValueOf(tt.value))
			disturb(t, changed.Field(i))
			name := kind.Field(i).Name
			if got, want := tt.same(changed.Interface()), slices.Contains(tt.hidden, name); got != want {
				t.Errorf("%s.%s: same is %t, want %t", tt.name, name, got, want)
			}
		}
	}
}

// disturb gives a field another value.
func disturb(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(later))
		return
	case netip.AddrPort:
		v.Set(reflect.ValueOf(netip.MustParseAddrPort("[fd00::77]:7")))
		return
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.MustParseAddr("fd00::77")))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + 1)
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(v.Uint() + 1)
	case reflect.Float64:
		v.SetFloat(v.Float() + 1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), v.Len()+1, v.Len()+1))
	case reflect.Pointer:
		v.SetZero()
	case reflect.Struct:
		disturb(t, v.Field(0))
	default:
		t.Fatalf("no other value for a %s", v.Type())
	}
}
