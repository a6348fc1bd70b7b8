package store

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

func TestParsePatch(t *testing.T) {
	p, err := ParsePatch([]byte(`{"ageing":"90s","hide_after":"0s","expire_after":"48h","stale_after":"2m","retention":"24h",
		"retention_bytes":1073741824,"key_frames":"1h","ledger_retention":"9600h","audit_retention":"4800h",
		"poll_interval":"30s","internal_networks":["203.0.113.0/24"],"ignored_ports":[22,53],"ignored_names":["sshd"],
		"outside_networks":[{"name":"provider","networks":["198.51.100.0/24"]}],"virtual_addresses":[{"address":"10.0.0.100","name":"shop"}],
		"check_expiry":"1h","signals":{"slow":{"off":true}},"aliases":{"db-main":"db1"},"mapping":[{"check":"^shop","process":"nginx"}],
		"names":[{"address":"10.0.0.7","name":"printer"}],"names_by":"resolver","internet_split":"country"}`))
	if err != nil {
		t.Fatal(err)
	}
	in := p.Apply(Defaults())
	if in.Ageing != topology.Duration(90*time.Second) || in.HideAfter != 0 || in.StaleAfter != topology.Duration(2*time.Minute) ||
		in.Retention != topology.Duration(24*time.Hour) || len(in.InternalNetworks) != 1 || len(in.IgnoredPorts) != 2 || in.IgnoredNames[0] != "sshd" ||
		in.ExpireAfter != topology.Duration(48*time.Hour) || in.PollInterval != topology.Duration(30*time.Second) || in.OutsideNetworks[0].Name != "provider" ||
		in.VirtualAddresses[0].Name != "shop" || in.Names[0].Name != "printer" || in.NamesBy != NamesByResolver || in.InternetSplit != SplitCountry {
		t.Errorf("read %+v", in)
	}
	if got, want := len(p.Fields()), reflect.TypeFor[Settings]().NumField(); got != want {
		t.Errorf("the patch sets %v, %d of %d settings", p.Fields(), got, want)
	}
	if err := in.Validate(); err != nil {
		t.Error(err)
	}
	if p, err := ParsePatch([]byte(`{}`)); err != nil || len(p.Fields()) != 0 {
		t.Errorf("an empty patch sets %v, %v", p.Fields(), err)
	}
}

func TestParsePatchRefuses(t *testing.T) {
	for _, c := range []struct{ raw, want string }{
		{`{"aging":"1m"}`, "aging must be one of ageing, hide_after, expire_after, stale_after, retention, retention_bytes, key_frames, ledger_retention, audit_retention, poll_interval, check_expiry, signals, aliases, mapping, internal_networks, outside_networks, virtual_addresses, names, names_by, internet_split, ignored_ports, ignored_names, is no setting"},
		{`{"ageing":"five minutes"}`, `ageing must be a duration like "90s" or "5m", is "five minutes"`},
		{`{"ageing":300}`, `ageing must be a duration like "90s" or "5m", is 300`},
		{`{"ageing":null}`, `ageing must be a duration like "90s" or "5m", is null`},
		{`{"ignored_ports":"22"}`, `ignored_ports must be a list, is "22"`},
		{`{"ignored_ports":[22,70000]}`, `ignored_ports[1] must be a port, 1 to 65535, is 70000`},
		{`{"ignored_ports":[-1]}`, `ignored_ports[0] must be a port, 1 to 65535, is -1`},
		{`{"ignored_ports":[null]}`, `ignored_ports[0] must be a port, 1 to 65535, is null`},
		{`{"internal_networks":["10.0.0.1"]}`, `internal_networks[0] must be a network like 203.0.113.0/24, is "10.0.0.1"`},
		{`{"ignored_names":[1]}`, `ignored_names[0] must be a process name in quotes, is 1`},
		{`{"aliases":{"a":1}}`, `aliases must be like {"name in monitoring": "node"}, is {"a":1}`},
		{`{"mapping":[{"chekc":"x"}]}`, `mapping[0] must be like {"check": "^shop", "process": "nginx"}, is {"chekc":"x"}`},
		{`{"names_by":7}`, `names_by must be none, hosts or resolver, is 7`},
		{`{"names":[{"address":"10.0.0.7","nam":"x"}]}`, `names[0] must be like {"address": "10.0.0.7", "name": "printer"}, is {"address":"10.0.0.7","nam":"x"}`},
		{`{"virtual_addresses":[{"address":"shop"}]}`, `virtual_addresses[0] must be like {"address": "10.0.0.100", "name": "shop"}, is {"address":"shop"}`},
		{`{"outside_networks":{}}`, `outside_networks must be a list, is {}`},
		{`{"ignored_names":["a"],"ageing":1}`, `ageing must be a duration like "90s" or "5m", is 1`},
		{`{"ageing":"` + strings.Repeat("x", 200) + `"}`, `ageing must be a duration like "90s" or "5m", is "` + strings.Repeat("x", 76) + "…"},
	} {
		_, err := ParsePatch([]byte(c.raw))
		var invalid *InvalidError
		if !errors.As(err, &invalid) || err.Error() != c.want {
			t.Errorf("%.60s: %v, want %s", c.raw, err, c.want)
		}
	}
	for _, raw := range []string{``, `{`, `[]`, `null`, `"x"`, `{} {}`} {
		if _, err := ParsePatch([]byte(raw)); !errors.Is(err, ErrNoPatch) {
			t.Errorf("%q: %v, want ErrNoPatch", raw, err)
		}
	}
}

func FuzzParsePatch(f *testing.F) {
	f.Add([]byte(`{"ageing":"90s","ignored_ports":[22],"internal_networks":["10.0.0.0/8"]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := ParsePatch(raw)
		if err != nil && len(p.Fields()) != 0 {
			t.Errorf("a refused patch sets %v", p.Fields())
		}
	})
}
