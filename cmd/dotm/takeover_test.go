package main

import (
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/redis"
)

// FuzzTakeOver: whatever an original installation holds, what is taken over is valid,
// and what isn't is said.
func FuzzTakeOver(f *testing.F) {
	f.Add("web1\ndb1\n10.0.0.1\nfd00::1", "ssh", "10.0.0.0/8,192.168.0.0/16", "22,53 111", "rpc.statd", "300", "days", "30", "history")
	f.Add("web 1\n\nweb1\nweb1", "agent", "10.0.0.1", "0-1,65536", "\x00", "-1", "", "999999999999999999999", "aging")
	f.Add("::1%eth0", "telnet", "x", "", " ", "1e9", "service_aging", "0", "expire")
	f.Fuzz(func(t *testing.T, nodes, method, networks, ports, names, value, field, other, name string) {
		found := &redis.Original{Nodes: strings.Split(nodes, "\n"), Settings: map[string]redis.Setting{
			"fetch_method": {Text: method}, "other_internal_networks": {Text: networks},
			"service_port_whitelist": {Text: ports}, "service_name_whitelist": {List: []string{names}},
			"aging": {Table: map[string]string{field: value}}, "expire": {Text: other}, "history": {Table: map[string]string{field: other}}, "hiding": {Text: value},
			redis.SeedAliases: {Table: map[string]string{field: value, names: other}}, redis.SeedMapping: {Table: map[string]string{ports: names, field: other}},
			redis.SeedNagios: {Table: map[string]string{"url": networks, "user": field, "password": value, "refresh": other}},
		}}
		found.Settings[name] = redis.Setting{Text: value, List: []string{other}, Table: map[string]string{field: other}}
		took := takeOver(found, "root")
		in := took.settings.Apply(store.Defaults())
		if err := in.Validate(); err != nil {
			t.Error(err)
		}
		for _, o := range took.sources {
			if _, err := newMonitor(o); err != nil {
				t.Error(err)
			}
		}
		if len(took.targets) > len(found.Nodes) {
			t.Errorf("%d targets of %d nodes", len(took.targets), len(found.Nodes))
		}
		var out strings.Builder
		took.print(&out, true)
	})
}
