package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/signal"
)

func TestDefaultsAreValid(t *testing.T) {
	if s := Defaults(); s.Validate() != nil {
		t.Error(s.Validate())
	}
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		name        string
		spoil       func(*Settings)
		field, want string
	}{
		{"ageing too short", func(s *Settings) { s.Ageing = 1 }, "ageing", "ageing must be 1s to 87600h0m0s, is 1ns"},
		{"ageing too long", func(s *Settings) { s.Ageing = 1 << 62 }, "ageing", "ageing must be 1s to 87600h0m0s, is 1281023h53m38.427387904s"},
		{"hide_after negative", func(s *Settings) { s.HideAfter = -1 }, "hide_after", "hide_after must be 0s to 87600h0m0s, is -1ns"},
		{"stale_after zero", func(s *Settings) { s.StaleAfter = 0 }, "stale_after", "stale_after must be 1s to 87600h0m0s, is 0s"},
		{"retention negative", func(s *Settings) { s.Retention = topology.Duration(-time.Hour) }, "retention", "retention must be 0s to 87600h0m0s, is -1h0m0s"},
		{"key frames all the time", func(s *Settings) { s.KeyFrames = topology.Duration(time.Second) }, "key_frames", "key_frames must be 0s (off) or at least 1m0s, is 1s"},
		{"key frames negative", func(s *Settings) { s.KeyFrames = -1 }, "key_frames", "key_frames must be 0s to 87600h0m0s, is -1ns"},
		{"ledger negative", func(s *Settings) { s.LedgerRetention = -1 }, "ledger_retention", "ledger_retention must be 0s to 87600h0m0s, is -1ns"},
		{"no room", func(s *Settings) { s.RetentionBytes = 1 }, "retention_bytes", "retention_bytes must be 0 (no limit) or at least 16777216, is 1"},
		{"expire_after negative", func(s *Settings) { s.ExpireAfter = -1 }, "expire_after", "expire_after must be 0s to 87600h0m0s, is -1ns"},
		{"expired before old", func(s *Settings) { s.ExpireAfter = topology.Duration(time.Minute) }, "expire_after", "expire_after must be 0s (never) or at least the ageing time, 5m0s, is 1m0s"},
		{"asked all the time", func(s *Settings) { s.PollInterval = topology.Duration(time.Second) }, "poll_interval", "poll_interval must be 5s to 24h0m0s, is 1s"},
		{"a network without a name", func(s *Settings) { s.OutsideNetworks = outside("", "203.0.113.0/24") }, "outside_networks[0].name", nameIs("outside_networks[0].name", "")},
		{"a network named as the Internet", func(s *Settings) { s.OutsideNetworks = outside("Internet", "203.0.113.0/24") }, "outside_networks[0].name", nameIs("outside_networks[0].name", "Internet")},
		{"a network's name of HTML", func(s *Settings) { s.OutsideNetworks = outside("<b>", "203.0.113.0/24") }, "outside_networks[0].name", nameIs("outside_networks[0].name", "<b>")},
		{"a name without networks", func(s *Settings) { s.OutsideNetworks = outside("a") }, "outside_networks[0].networks", "outside_networks[0].networks must have 1 to 1000 entries, is 0"},
		{"everything is outside", func(s *Settings) { s.OutsideNetworks = outside("a", "::/0") }, "outside_networks[0].networks[0]", "outside_networks[0].networks[0] must be a network like 203.0.113.0/24, is ::/0"},
		{"a network of two names", func(s *Settings) {
			s.OutsideNetworks = append(outside("a", "203.0.113.0/24"), outside("b", "203.0.113.5/24")...)
		}, "outside_networks[1].networks[0]", "outside_networks[1].networks[0] must belong to one name, belongs to a too, is 203.0.113.5/24"},
		{"a virtual loopback", func(s *Settings) { s.VirtualAddresses = named("127.0.0.1", "a") }, "virtual_addresses[0].address", "virtual_addresses[0].address must be the address of another host, like 10.0.0.100, is 127.0.0.1"},
		{"a virtual address twice", func(s *Settings) { s.VirtualAddresses = append(named("10.0.0.9", "a"), named("10.0.0.9", "b")...) }, "virtual_addresses[1].address", "virtual_addresses[1].address must be listed once, is 10.0.0.9"},
		{"a virtual address named as another", func(s *Settings) { s.VirtualAddresses = named("10.0.0.9", "10.0.0.8") }, "virtual_addresses[0].name", `virtual_addresses[0].name must be a name of 1 to 255 letters, digits, '.', '_' and '-', and no address, is "10.0.0.8"`},
		{"a virtual address with a blank", func(s *Settings) { s.VirtualAddresses = named("10.0.0.9", "the shop") }, "virtual_addresses[0].name", `virtual_addresses[0].name must be a name of 1 to 255 letters, digits, '.', '_' and '-', and no address, is "the shop"`},
		{"an address named nothing", func(s *Settings) { s.Names = named("10.0.0.9", "") }, "names[0].name", nameIs("names[0].name", "")},
		{"a name with a slash", func(s *Settings) { s.Names = named("10.0.0.9", "a/b") }, "names[0].name", nameIs("names[0].name", "a/b")},
		{"nobody to ask", func(s *Settings) { s.NamesBy = "oracle" }, "names_by", `names_by must be none, hosts or resolver, is "oracle"`},
		{"a split by taste", func(s *Settings) { s.InternetSplit = "taste" }, "internet_split", `internet_split must be none, country or owner, is "taste"`},
		{"the whole internet", func(s *Settings) { s.InternalNetworks = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")} }, "internal_networks[0]", "internal_networks[0] must be a network like 203.0.113.0/24, is 0.0.0.0/0"},
		{"no network", func(s *Settings) { s.InternalNetworks = make([]netip.Prefix, 1) }, "internal_networks[0]", "internal_networks[0] must be a network like 203.0.113.0/24, is invalid Prefix"},
		{"too many networks", func(s *Settings) { s.InternalNetworks = make([]netip.Prefix, 1001) }, "internal_networks", "internal_networks must have at most 1000 entries, is 1001"},
		{"port 0", func(s *Settings) { s.IgnoredPorts = []uint16{1, 0} }, "ignored_ports[1]", "ignored_ports[1] must be 1 to 65535, is 0"},
		{"a rule that is no pattern", func(s *Settings) { s.Mapping = []mapping.Rule{{Check: "(", Process: "x"}} }, "mapping[0].check", "mapping[0].check must be a regular expression as RE2 takes them (error parsing regexp: missing closing ): `(`), is \"(\""},
		{"too many ports", func(s *Settings) { s.IgnoredPorts = make([]uint16, 1001) }, "ignored_ports", "ignored_ports must have at most 1000 entries, is 1001"},
		{"empty name", func(s *Settings) { s.IgnoredNames = []string{""} }, "ignored_names[0]", `ignored_names[0] must be a process name of 1 to 255 bytes, is ""`},
		{"control character", func(s *Settings) { s.IgnoredNames = []string{"a\n"} }, "ignored_names[0]", `ignored_names[0] must be a process name of 1 to 255 bytes, is "a\n"`},
		{"too many names", func(s *Settings) { s.IgnoredNames = make([]string, 1001) }, "ignored_names", "ignored_names must have at most 1000 entries, is 1001"},
		{"long name", func(s *Settings) { s.IgnoredNames = []string{strings.Repeat("x", 256)} }, "ignored_names[0]", `ignored_names[0] must be a process name of 1 to 255 bytes, is "` + strings.Repeat("x", 256) + `"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := Defaults()
			tt.spoil(&s)
			err := s.Validate()
			var invalid *InvalidError
			if !errors.As(err, &invalid) || invalid.Field != tt.field || err.Error() != tt.want {
				t.Errorf("Validate() = %v, want %s", err, tt.want)
			}
		})
	}
}

func outside(name string, networks ...string) []NamedNetwork {
	n := NamedNetwork{Name: name}
	for _, p := range networks {
		n.Networks = append(n.Networks, netip.MustParsePrefix(p))
	}
	return []NamedNetwork{n}
}

func named(address, name string) []NamedAddress {
	return []NamedAddress{{netip.MustParseAddr(address), name}}
}

func nameIs(field, name string) string {
	return fmt.Sprintf("%s must be a name of 1 to 255 letters, digits, '.', '_', '-' or blanks, is %q", field, name)
}

// TestVirtualAddressNeedsNoName: it is named by its address then.
func TestVirtualAddressNeedsNoName(t *testing.T) {
	s := Defaults()
	s.VirtualAddresses = named("10.0.0.9", "")
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidateBounds(t *testing.T) {
	s := Defaults()
	s.Ageing, s.StaleAfter = topology.Duration(time.Second), topology.Duration(maxDuration)
	s.HideAfter, s.Retention = 0, 0
	s.IgnoredPorts, s.IgnoredNames = []uint16{1, 65535}, []string{strings.Repeat("x", 255)}
	s.InternalNetworks = []netip.Prefix{netip.MustParsePrefix("2001:db8::/128"), netip.MustParsePrefix("128.0.0.0/1")}
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
}

// full is a patch that sets every field. A field that is added to [Patch]
// without one in [Settings], or the other way round, fails the tests below.
func full(t *testing.T) Patch {
	t.Helper()
	signals := signal.Rules{topology.SignalSlow: {Off: true}}.Over(signal.Defaults())
	raw := `{"ageing":"1m","hide_after":"2m","expire_after":"5m","stale_after":"3m","retention":"4m","retention_bytes":1073741824,"key_frames":"1h","ledger_retention":"9600h","audit_retention":"4800h","poll_interval":"6s",
		"check_expiry":"7m","aliases":{"m":"n"},"mapping":[{"check":"c","process":"p"}],
		"internal_networks":["203.0.113.0/24"],"outside_networks":[{"name":"a","networks":["198.51.100.0/24"]}],
		"virtual_addresses":[{"address":"10.0.0.1","name":"v"}],"names":[{"address":"10.0.0.2","name":"n"}],
		"names_by":"none","internet_split":"owner","ignored_ports":[1],"ignored_names":["a"]}`
	var p Patch
	if err := json.Unmarshal([]byte(raw), &p); err != nil {
		t.Fatal(err)
	}
	p.Signals = &signals
	for i := range reflect.TypeFor[Patch]().NumField() {
		if reflect.ValueOf(p).Field(i).IsNil() {
			t.Fatalf("this test must learn of %s", reflect.TypeFor[Patch]().Field(i).Name)
		}
	}
	return p
}

func TestPatchHasEveryField(t *testing.T) {
	settings, patch := reflect.TypeFor[Settings](), reflect.TypeFor[Patch]()
	if settings.NumField() != patch.NumField() {
		t.Fatalf("%d settings, %d fields of a patch", settings.NumField(), patch.NumField())
	}
	for i := range settings.NumField() {
		s, p := settings.Field(i), patch.Field(i)
		if s.Name != p.Name || reflect.PointerTo(s.Type) != p.Type || s.Tag.Get("yaml") != p.Tag.Get("yaml") {
			t.Errorf("%s %s %s and %s %s %s", s.Name, s.Type, s.Tag, p.Name, p.Type, p.Tag)
		}
	}
}

func TestApplySetsEveryField(t *testing.T) {
	p := full(t)
	got := reflect.ValueOf(p.Apply(Defaults()))
	for i := range got.NumField() {
		want := reflect.ValueOf(p).Field(i).Elem().Interface()
		if !reflect.DeepEqual(got.Field(i).Interface(), want) {
			t.Errorf("%s is %v, want %v", got.Type().Field(i).Name, got.Field(i), want)
		}
	}
	if diff := cmp.Diff(Defaults(), Patch{}.Apply(Defaults()), cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{})); diff != "" {
		t.Errorf("an empty patch changes (-want +got):\n%s", diff)
	}
}

func TestMerge(t *testing.T) {
	p, ageing, none := full(t), topology.Duration(time.Hour), []string{}
	over := Patch{Ageing: &ageing, IgnoredNames: &none}
	want := p.Apply(Defaults())
	want.Ageing, want.IgnoredNames = ageing, none
	opt := cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{})
	if diff := cmp.Diff(want, p.Merge(over).Apply(Defaults()), opt); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(p, (Patch{}).Merge(p), opt); diff != "" {
		t.Errorf("over nothing (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(p, p.Merge(Patch{}), opt); diff != "" {
		t.Errorf("nothing over it (-want +got):\n%s", diff)
	}
}

// TestSignalsMerge: a patch of one kind leaves the others, and what it doesn't say, as
// they are.
func TestSignalsMerge(t *testing.T) {
	parsed := func(raw string) Patch {
		p, err := ParsePatch([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first, second := parsed(`{"signals":{"slow":{"limit":9},"queue":{"off":true}}}`), parsed(`{"signals":{"slow":{"off":true}}}`)
	want := signal.Rules{topology.SignalSlow: {Off: true, Limit: 9}, topology.SignalQueue: {Off: true}}.Over(signal.Defaults())
	for name, got := range map[string]Settings{
		"merged": first.Merge(second).Apply(Defaults()), "applied": second.Apply(first.Apply(Defaults())),
	} {
		if diff := cmp.Diff(want, got.Signals); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for raw, want := range map[string]string{
		`{"signals":{"slow":{"limit":1}}}`:     "signals.slow.limit must be 1.5 to 1000 (times what is usual), is 1",
		`{"signals":{"lost":{"off":true}}}`:    "signals.lost must be one of refused, unreachable, queue, retransmits, slow, close-wait, ports, descriptors, stopped, silent, gone, is no signal",
		`{"signals":{"queue":{"for":"100h"}}}`: "signals.queue.for must be 1s to 24h0m0s, is 100h0m0s",
	} {
		in := parsed(raw).Apply(Defaults())
		if err := in.Validate(); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", raw, err, want)
		}
	}
	if _, err := ParsePatch([]byte(`{"signals":{"slow":{"limt":1}}}`)); err == nil || !strings.HasPrefix(err.Error(), "signals must be like") {
		t.Errorf("got %v", err)
	}
}

func TestFields(t *testing.T) {
	var want []string
	for i := range reflect.TypeFor[Settings]().NumField() {
		want = append(want, reflect.TypeFor[Settings]().Field(i).Tag.Get("json"))
	}
	if diff := cmp.Diff(want, full(t).Fields()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := (Patch{}).Fields(); got != nil {
		t.Errorf("an empty patch has %v", got)
	}
}

func TestCloneShares(t *testing.T) {
	a := full(t).Apply(Defaults())
	b := a.Clone()
	b.IgnoredPorts[0], b.IgnoredNames[0], b.InternalNetworks[0] = 9, "z", netip.Prefix{}
	b.Signals[topology.SignalSlow] = signal.Threshold{}
	b.Aliases["m"], b.Mapping[0].Check = "z", "z"
	b.OutsideNetworks[0].Networks[0], b.VirtualAddresses[0].Name, b.Names[0].Name = netip.Prefix{}, "z", "z"
	if !a.Signals[topology.SignalSlow].Off || a.Aliases["m"] != "n" || a.Mapping[0].Check != "c" || a.IgnoredPorts[0] != 1 || a.IgnoredNames[0] != "a" || !a.InternalNetworks[0].IsValid() ||
		!a.OutsideNetworks[0].Networks[0].IsValid() || a.VirtualAddresses[0].Name != "v" || a.Names[0].Name != "n" {
		t.Errorf("a change of the copy shows in %v", a)
	}
}

func TestEmpty(t *testing.T) {
	for _, tt := range []struct {
		name string
		c    Change
		want bool
	}{
		{"nothing", Change{}, true},
		{"a revision without epoch", Change{Revision: topology.Revision{Number: 1}}, true},
		{"revision", Change{Revision: topology.Revision{Epoch: "e"}}, false},
		{"block", Change{Put: []*topology.Block{{}}}, false},
		{"deletion", Change{Delete: []string{"a"}}, false},
		{"event", Change{Append: []topology.Event{{}}}, false},
		{"settings", Change{Settings: &Patch{}}, false},
		{"forgetting", Change{Forget: Forget{Before: time.Unix(0, 0)}}, false},
	} {
		if got := tt.c.Empty(); got != tt.want {
			t.Errorf("%s: Empty() = %v", tt.name, got)
		}
	}
}
