package report

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestValidate breaks every rule of a valid report once and holds the words
// still that its sender reads.
func TestValidate(t *testing.T) {
	long := strings.Repeat("x", MaxName+1)
	for _, tt := range []struct {
		name  string
		spoil func(*Report)
		want  string
	}{
		{"no version", func(r *Report) { r.Version = "" }, `version must be major.minor, is ""`},
		{"version without minor", func(r *Report) { r.Version = "1" }, `version must be major.minor, is "1"`},
		{"version without major", func(r *Report) { r.Version = ".1" }, `version must be major.minor, is ".1"`},
		{"newer major version", func(r *Report) { r.Version = "2.0" }, `unsupported report version: version must have the major version 1, is "2.0" (update the older side: the server reads version 1.x)`},
		{"older major version", func(r *Report) { r.Version = "0.9" }, `unsupported report version: version must have the major version 1, is "0.9" (update the older side: the server reads version 1.x)`},

		{"no name", func(r *Report) { r.Node.Name = "" }, `node.name must not be empty, is ""`},
		{"name with a slash", func(r *Report) { r.Node.Name = "web/1" }, `node.name must be letters, digits, '.', '_' and '-', beginning with a letter, a digit or '_', is "web/1"`},
		{"name with a control character", func(r *Report) { r.Node.Name = "web\x1b[2J" }, `node.name must be letters, digits, '.', '_' and '-', beginning with a letter, a digit or '_', is "web\x1b[2J"`},
		{"identity of no kind", func(r *Report) { r.Node.Identity.Kind = "boot-id" }, `node.identity.kind must be enrolled, machine-id or hostname, is "boot-id"`},
		{"identity without value", func(r *Report) { r.Node.Identity.Value = "" }, `node.identity.value must not be empty, is ""`},
		{"long identity", func(r *Report) { r.Node.Identity.Value = long }, `node.identity.value must be at most 255 bytes, is "256 bytes"`},
		{"identity with a control character", func(r *Report) { r.Node.Identity.Value = "a\x00" }, `node.identity.value must hold no control characters, is "a\x00"`},
		{"zone that breaks ids", func(r *Report) { r.Zone = "dc~west" }, `zone must be letters, digits, '.', '_' and '-', beginning with a letter, a digit or '_', is "dc~west"`},
		{"long zone", func(r *Report) { r.Zone = long }, `zone must be at most 255 bytes, is "` + strings.Repeat("x", 77) + `…"`},
		{"agent version with a newline", func(r *Report) { r.Agent.Version = "1\n2" }, `agent.version must hold no control characters, is "1\n2"`},
		{"agent method not UTF-8", func(r *Report) { r.Agent.Method = "\xff" }, `agent.method must be UTF-8, is "\xff"`},

		{"instance with a blank", func(r *Report) { r.Agent.Instance = "a b" }, `agent.instance must be letters, digits, '.', '_' and '-', beginning with a letter, a digit or '_', is "a b"`},
		{"long instance", func(r *Report) { r.Agent.Instance = long }, `agent.instance must be at most 255 bytes, is "` + strings.Repeat("x", 77) + `…"`},
		{"policy with a newline", func(r *Report) { r.Agent.Policy = "a\n" }, `agent.policy must hold no control characters, is "a\n"`},
		{"counted ahead", func(r *Report) { r.Counted = r.Sequence + 1 }, `counted must be at most the sequence 42, is 43`},
		{"negative lag", func(r *Report) { r.LagMS = -1 }, `lag_ms must be 0 to 86400000, is -1`},
		{"negative span", func(r *Report) { r.SpanMS = -1 }, `span_ms must not be negative, is -1`},
		{"network of others", func(r *Report) { r.Connections[4].Peer = netip.MustParseAddr("192.0.2.1") }, `connections[4].peer_network must contain peer 192.0.2.1, is 198.51.100.0/24`},
		{"network with an address", func(r *Report) { r.Connections[4].PeerNetwork = netip.MustParsePrefix("198.51.100.7/24") }, `connections[4].peer_network must be a network like 203.0.113.0/24, is 198.51.100.7/24`},
		{"negative peers", func(r *Report) { r.Connections[4].Peers = -1 }, `connections[4].peers must be 0 to 2147483647, is -1`},

		{"no time", func(r *Report) { r.Time = time.Time{} }, `time must be set, is 0001-01-01 00:00:00 +0000 UTC`},
		{"time ahead", func(r *Report) { r.Time = noon.Add(MaxFuture + time.Second) }, `time must be at most 10m0s ahead of the server's clock, is 2026-03-01T12:10:01Z, 10m1s ahead (set the clock of node web1.example, for example with NTP)`},
		{"reason to leave", func(r *Report) { r.Leaving = "gone home" }, `leaving must be letters, digits, '.', '_' and '-', beginning with a letter, a digit or '_', is "gone home"`},
		{"negative interval", func(r *Report) { r.IntervalMS = -1 }, `interval_ms must be 0 to 86400000, is -1`},
		{"long interval", func(r *Report) { r.IntervalMS = 86_400_001 }, `interval_ms must be 0 to 86400000, is 86400001`},

		{"rows", func(r *Report) { r.Listeners = make([]Listener, MaxRows) }, `listeners and connections must be at most 200000 rows, is 200005`},
		{"interfaces", func(r *Report) { r.Interfaces = make([]Interface, MaxInterfaces+1) }, `interfaces must have at most 4096 entries, is 4097`},
		{"namespaces", func(r *Report) { r.Namespaces = make([]Namespace, MaxNamespaces+1) }, `namespaces must have at most 4096 entries, is 4097`},
		{"notes", func(r *Report) { r.Notes = make([]Note, MaxNotes+1) }, `notes must have at most 64 entries, is 65`},
		{"addresses", func(r *Report) { r.Namespaces[0].Addresses = make([]netip.Addr, MaxAddresses) }, `interfaces and namespaces must have at most 16384 addresses, is 16386`},

		{"interface name", func(r *Report) { r.Interfaces[1].Name = "eth\x7f" }, `interfaces[1].name must hold no control characters, is "eth\x7f"`},
		{"interface address", func(r *Report) { r.Interfaces[0].Addresses[1] = netip.Prefix{} }, `interfaces[0].addresses[1] must be an address with prefix length, is invalid Prefix`},
		{"container without name", func(r *Report) { r.Namespaces[1].Container = "" }, `namespaces[1].container must not be empty, is ""`},
		{"container with a slash", func(r *Report) { r.Namespaces[0].Container = "shop/web" }, `namespaces[0].container must be letters, digits, '.', '_' and '-', beginning with a letter, a digit or '_', is "shop/web"`},
		{"container twice", func(r *Report) { r.Namespaces[1].Container = "shop_cache-1" }, `namespaces[1].container must differ from every other namespace's, is "shop_cache-1"`},
		{"container address", func(r *Report) { r.Namespaces[0].Addresses[0] = netip.Addr{} }, `namespaces[0].addresses[0] must be an IP address, is invalid IP`},

		{"listener's namespace", func(r *Report) { r.Listeners[1].Namespace = 3 }, `listeners[1].namespace must be 0 to 2, the number of namespaces, is 3`},
		{"listener's negative namespace", func(r *Report) { r.Listeners[1].Namespace = -1 }, `listeners[1].namespace must be 0 to 2, the number of namespaces, is -1`},
		{"listener's protocol", func(r *Report) { r.Listeners[0].Protocol = "sctp" }, `listeners[0].protocol must be tcp or udp, is "sctp"`},
		{"listener's port", func(r *Report) { r.Listeners[0].Port = 0 }, `listeners[0].port must be 1 to 65535, is 0`},
		{"listener's process", func(r *Report) { r.Listeners[0].Process = "ng\tinx" }, `listeners[0].process must hold no control characters, is "ng\tinx"`},
		{"listener's user", func(r *Report) { r.Listeners[0].User = "\xc3" }, `listeners[0].user must be UTF-8, is "\xc3"`},
		{"listener's address", func(r *Report) { r.Listeners[2].Address = netip.Addr{} }, `listeners[2].address must be an IP address, is invalid IP`},

		{"row's namespace", func(r *Report) { r.Connections[2].Namespace = 3 }, `connections[2].namespace must be 0 to 2, the number of namespaces, is 3`},
		{"row's protocol", func(r *Report) { r.Connections[0].Protocol = "" }, `connections[0].protocol must be tcp or udp, is ""`},
		{"row's port", func(r *Report) { r.Connections[0].Port = 0 }, `connections[0].port must be 1 to 65535, is 0`},
		{"row's process", func(r *Report) { r.Connections[1].Process = long }, `connections[1].process must be at most 255 bytes, is "256 bytes"`},
		{"row's user", func(r *Report) { r.Connections[1].User = "\u0085" }, `connections[1].user must hold no control characters, is "\u0085"`},
		{"no peer", func(r *Report) { r.Connections[1].Peer = netip.Addr{} }, `connections[1].peer must be the address of one peer, is invalid IP`},
		{"peer that is all", func(r *Report) { r.Connections[1].Peer = netip.IPv6Unspecified() }, `connections[1].peer must be the address of one peer, is ::`},
		{"negative count", func(r *Report) { r.Connections[1].Count = -1 }, `connections[1].count must be 0 to 2147483647, is -1`},
		{"no direction", func(r *Report) { r.Connections[1].Direction = "" }, `connections[1].direction must be in, out or unknown, is ""`},
		{"in without listener", func(r *Report) { r.Connections[0].Local = netip.Addr{} }, `connections[0].local must be the listener's address when direction is in, is invalid IP`},
		{"unknown without local port", func(r *Report) { r.Connections[2].LocalPort = 0 }, `connections[2].local_port must be 1 to 65535 when direction is unknown, is 0`},

		{"container's name", func(r *Report) { r.Containers[0].Name = "" }, `containers[0].name must not be empty, is ""`},
		{"container's image", func(r *Report) { r.Containers[0].Image = strings.Repeat("i", MaxText+1) }, `containers[0].image must be at most 1024 bytes, is "1025 bytes"`},
		{"container's pod", func(r *Report) { r.Containers[1].Pod = "a\nb" }, `containers[1].pod must hold no control characters, is "a\nb"`},
		{"containers", func(r *Report) { r.Containers = make([]Container, MaxContainers+1) }, `containers must have at most 16384 entries, is 16385`},
		{"listener's container", func(r *Report) { r.Listeners[0].Container = 3 }, `listeners[0].container must be 0 to 2, the number of containers, is 3`},
		{"listener's unit", func(r *Report) { r.Listeners[0].Unit = "a\x00" }, `listeners[0].unit must hold no control characters, is "a\x00"`},
		{"row's container", func(r *Report) { r.Connections[0].Container = -1 }, `connections[0].container must be 0 to 2, the number of containers, is -1`},
		{"called at the client's end", func(r *Report) { r.Connections[1].Called = netip.MustParseAddr("10.0.0.1") }, `connections[1].called must be set only when direction is in, is 10.0.0.1`},
		{"many tuples", func(r *Report) { r.Connections[0].Tuples = []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9} }, `connections[0].tuples must have at most 8 entries, is 9`},
		{"tuples in disorder", func(r *Report) { r.Connections[0].Tuples = []uint64{2, 2} }, `connections[0].tuples[1] must be 1 to 9007199254740991, ascending, is 2`},
		{"no tuple", func(r *Report) { r.Connections[0].Tuples = []uint64{0} }, `connections[0].tuples[0] must be 1 to 9007199254740991, ascending, is 0`},
		{"large tuple", func(r *Report) { r.Connections[0].Tuples = []uint64{1 << 53} }, `connections[0].tuples[0] must be 1 to 9007199254740991, ascending, is 9007199254740992`},
		{"row's via", func(r *Report) { r.Connections[1].Via = netip.MustParseAddrPort("0.0.0.0:80") }, `connections[1].via must be an address and a port, is 0.0.0.0:80`},
		{"measured sockets", func(r *Report) { r.Connections[1].Health.Measured = -1 }, `connections[1].health.measured must be 0 to 2147483647, is -1`},
		{"connecting for less than nothing", func(r *Report) { r.Connections[1].Health.ConnectingMS = -1 }, `connections[1].health.connecting_ms must not be negative, is -1`},
		{"waiting for less than nothing", func(r *Report) { r.Connections[1].Health.CloseWaitMS = -1 }, `connections[1].health.close_wait_ms must not be negative, is -1`},
		{"forwards", func(r *Report) { r.Forwards = make([]Forward, MaxForwards+1) }, `forwards must have at most 20000 entries, is 20001`},
		{"forward's protocol", func(r *Report) { r.Forwards[0].Protocol = "" }, `forwards[0].protocol must be tcp or udp, is ""`},
		{"forward from all", func(r *Report) { r.Forwards[0].From = netip.MustParseAddrPort("[::]:80") }, `forwards[0].from must be an address and a port, is [::]:80`},
		{"forward to nowhere", func(r *Report) { r.Forwards[0].To = netip.AddrPort{} }, `forwards[0].to must be an address and a port, is invalid AddrPort`},
		{"forward's count", func(r *Report) { r.Forwards[0].Count = -1 }, `forwards[0].count must be 0 to 2147483647, is -1`},

		{"sources", func(r *Report) { r.Sources = make([]Source, MaxSources+1) }, `sources must have at most 20000 entries, is 20001`},
		{"source's protocol", func(r *Report) { r.Sources[0].Protocol = "x" }, `sources[0].protocol must be tcp or udp, is "x"`},
		{"source of nobody", func(r *Report) { r.Sources[0].Client = netip.Addr{} }, `sources[0].client must be the address of one peer, is invalid IP`},
		{"source as all", func(r *Report) { r.Sources[0].As = netip.IPv4Unspecified() }, `sources[0].as must be one of the node's addresses, is 0.0.0.0`},
		{"source to nowhere", func(r *Report) { r.Sources[0].Server = netip.AddrPort{} }, `sources[0].server must be an address and a port, is invalid AddrPort`},
		{"source's count", func(r *Report) { r.Sources[0].Count = -1 }, `sources[0].count must be 0 to 2147483647, is -1`},

		{"shortages", func(r *Report) { r.Shortages = make([]Shortage, MaxShortages+1) }, `shortages must have at most 32 entries, is 33`},
		{"shortage's kind", func(r *Report) { r.Shortages[0].Kind = "disk" }, `shortages[0].kind must be ports or descriptors, is "disk"`},
		{"shortage's server", func(r *Report) { r.Shortages[1].Server = netip.AddrPort{} }, `shortages[1].server must be an address with a port, is "invalid AddrPort"`},
		{"shortage's max", func(r *Report) { r.Shortages[1].Max = 0 }, `shortages[1].max must be 1 or more, is 0`},
		{"shortage's pid", func(r *Report) { r.Shortages[0].PID = -1 }, `shortages[0].pid must not be negative, is -1`},
		{"shortage's process", func(r *Report) { r.Shortages[0].Process = "a\rb" }, `shortages[0].process must hold no control characters, is "a\rb"`},
		{"note's code", func(r *Report) { r.Notes[0].Code = "a\rb" }, `notes[0].code must hold no control characters, is "a\rb"`},
		{"note's text", func(r *Report) { r.Notes[1].Text = strings.Repeat("é", MaxText/2+1) }, `notes[1].text must be at most 1024 bytes, is "1026 bytes"`},
		{"note's hint", func(r *Report) { r.Notes[0].Hint = "\xf0\x28" }, `notes[0].hint must be UTF-8, is "\xf0("`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := full()
			tt.spoil(r)
			err := r.Validate(noon)
			if err == nil {
				t.Fatal("valid, want an error")
			}
			if err.Error() != tt.want {
				t.Errorf("error\n got %s\nwant %s", err, tt.want)
			}
			var field *FieldError
			if !errors.As(err, &field) {
				t.Errorf("%T is no FieldError", err)
			}
		})
	}
}

func TestValidateAccepts(t *testing.T) {
	for name, change := range map[string]func(*Report){
		"as it is":           func(*Report) {},
		"newer minor":        func(r *Report) { r.Version = "1.99" },
		"ten minutes ahead":  func(r *Report) { r.Time = noon.Add(MaxFuture) },
		"a year behind":      func(r *Report) { r.Time = noon.AddDate(-1, 0, 0) },
		"no next report":     func(r *Report) { r.IntervalMS = 0 },
		"a day's interval":   func(r *Report) { r.IntervalMS = MaxInterval.Milliseconds() },
		"long names":         func(r *Report) { r.Connections[0].Process = strings.Repeat("x", MaxName) },
		"names of all kinds": func(r *Report) { r.Connections[0].Process = `日本 "q" <&> \x00` },
		"default zone":       func(r *Report) { r.Zone = "" },
		"most sockets":       func(r *Report) { r.Connections[0].Count = MaxCount },
		"most rows": func(r *Report) {
			row := r.Connections[1]
			for len(r.Connections)+len(r.Listeners) < MaxRows {
				r.Connections = append(r.Connections, row)
			}
		},
	} {
		r := full()
		change(r)
		if err := r.Validate(noon); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVersionError(t *testing.T) {
	r := full()
	r.Version = "2.0"
	if err := r.Validate(noon); !errors.Is(err, ErrVersion) {
		t.Errorf("%v doesn't wrap ErrVersion", err)
	}
	r.Version = "nonsense"
	if err := r.Validate(noon); errors.Is(err, ErrVersion) {
		t.Errorf("%v wraps ErrVersion, but is no version at all", err)
	}
}

// TestValidateFirst breaks several rules at once: the same one is told always.
func TestValidateFirst(t *testing.T) {
	for range 50 {
		r := full()
		r.Agent.Version, r.Agent.Method, r.Notes[0] = "\x01", "\x02", Note{"\x03", "\x04", "\x05"}
		if err := r.Validate(noon); err == nil || !strings.HasPrefix(err.Error(), "agent.version ") {
			t.Fatalf("got %v, want agent.version first", err)
		}
		r.Agent = Agent{}
		if err := r.Validate(noon); err == nil || !strings.HasPrefix(err.Error(), "notes[0].code ") {
			t.Fatalf("got %v, want notes[0].code first", err)
		}
	}
}

func TestShow(t *testing.T) {
	for _, tt := range []struct {
		value any
		want  string
	}{
		{"", `""`},
		{17, "17"},
		{"a\"b", `"a\"b"`},
		{strings.Repeat("x", 80), `"` + strings.Repeat("x", 80) + `"`},
		{strings.Repeat("x", 81), `"` + strings.Repeat("x", 77) + `…"`},
		{strings.Repeat("x", 76) + "日本語", `"` + strings.Repeat("x", 76) + `…"`},
		{[]string{strings.Repeat("y", 100)}, `"[` + strings.Repeat("y", 76) + `…"`},
	} {
		if got := show(tt.value); got != tt.want {
			t.Errorf("show(%v)\n got %s\nwant %s", tt.value, got, tt.want)
		}
	}
}

func TestHostName(t *testing.T) {
	const chars = "must be letters, digits, '.', '_' and '-', beginning with a letter, a digit or '_'"
	for _, tt := range []struct{ name, want string }{
		{"web1", ""},
		{"WEB1.example.com.", ""},
		{"_srv", ""},
		{"1-2", ""},
		{"10.0.0", ""},
		{"12345", ""},
		{"internet-gw", ""},
		{strings.Repeat("a", 255), ""},
		{"", "must not be empty"},
		{strings.Repeat("a", 256), "must be at most 255 bytes"},
		{".web", chars},
		{"-web", chars},
		{"web 1", chars},
		{"web~1", chars},
		{"web!1", chars},
		{"web/1", chars},
		{"web@zone", chars},
		{"wéb", chars},
		{"web\n", chars},
		{"web\x00", chars},
		{"::1", chars},
		{"10.0.0.1", "must be a name, not an IP address"},
		{"Internet", "must not be the reserved name Internet"},
		{"INTERNET", "must not be the reserved name Internet"},
	} {
		got := ""
		if err := HostName(tt.name); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("HostName(%q)\n got %q\nwant %q", tt.name, got, tt.want)
		}
	}
}

func TestCleanName(t *testing.T) {
	for _, tt := range []struct{ raw, want string }{
		{"", ""},
		{"nginx", "nginx"},
		{"(sd-pam)", "(sd-pam)"},
		{"日本", "日本"},
		{"a\nb", `a\x0ab`},
		{"\x1b[31m", `\x1b[31m`},
		{"\xff\xfe", `\xff\xfe`},
		{"\u0085", `\xc2\x85`},
		{"\ufffd", "\ufffd"},
		{"half a rune \xe6\x97", `half a rune \xe6\x97`},
		{strings.Repeat("x", 300), strings.Repeat("x", 255)},
		{strings.Repeat("x", 254) + "é", strings.Repeat("x", 254)},
		{strings.Repeat("x", 252) + "\n", strings.Repeat("x", 252)},
		{strings.Repeat("x", 251) + "\n", strings.Repeat("x", 251) + `\x0a`},
	} {
		if got := CleanName(tt.raw); got != tt.want {
			t.Errorf("CleanName(%q)\n got %q\nwant %q", tt.raw, got, tt.want)
		}
	}
}

func TestCleanNameProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.OneOf(
			rapid.String(),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 400), func(b []byte) string { return string(b) }),
		).Draw(t, "raw")
		clean := CleanName(raw)
		if err := checkName("name", clean); err != nil {
			t.Fatalf("invalid: %v", err)
		}
		if again := CleanName(clean); again != clean {
			t.Fatalf("not idempotent: %q, then %q", clean, again)
		}
		plain := utf8.ValidString(raw) && !strings.ContainsFunc(raw, unicode.IsControl)
		if plain && !strings.HasPrefix(raw, clean) {
			t.Fatalf("changed a name that was fine: %q to %q", raw, clean)
		}
		if plain && len(raw) <= MaxName && clean != raw {
			t.Fatalf("cut a name that was fine: %q to %q", raw, clean)
		}
	})
}
