package main

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/server"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/bolt"
	"github.com/devops-trouble-map/dotm/store/redis"
	real "github.com/devops-trouble-map/dotm/test/redis"
	"github.com/devops-trouble-map/dotm/topology"
)

func ptr[T any](v T) *T { return &v }

func TestTakeOver(t *testing.T) {
	table := func(pairs ...string) redis.Setting {
		m := map[string]string{}
		for p := range slices.Chunk(pairs, 2) {
			m[p[0]] = p[1]
		}
		return redis.Setting{Table: m}
	}
	hour := topology.Duration(time.Hour)
	for _, tt := range []struct {
		name     string
		nodes    []string
		settings map[string]redis.Setting
		urls     []string
		want     store.Patch
		sources  []monitor.Options
		notes    []string
	}{
		{name: "nothing", urls: []string{}},
		{name: "over SSH, unless it says otherwise", nodes: []string{"web1", "WEB1", "10.0.0.7", "fd00::7"}, urls: []string{"ssh://root@web1", "ssh://root@10.0.0.7", "ssh://root@[fd00::7]"}},
		{name: "by agents", nodes: []string{"web1"}, settings: map[string]redis.Setting{"fetch_method": {Text: "agent"}}, urls: []string{"text://web1"}},
		{name: "by what nobody knows", nodes: []string{"web1"}, settings: map[string]redis.Setting{"fetch_method": {Text: "pigeon"}}, urls: []string{"ssh://root@web1"}, notes: []string{`fetch_method "pigeon", which is not known`}},
		{name: "no name", nodes: []string{"web1;reboot", "", "web2"}, urls: []string{"ssh://root@web2"}, notes: []string{`node "web1;reboot": url must`, `node "": url must`}},
		{
			name: "networks", settings: map[string]redis.Setting{"other_internal_networks": {List: []string{"203.0.113.0/24 198.51.100.9/24", "203.0.113.0/24", "x"}}}, urls: []string{},
			want: store.Patch{InternalNetworks: &[]netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("198.51.100.0/24")}}, notes: []string{`internal network "x"`},
		},
		{name: "all networks", settings: map[string]redis.Setting{"other_internal_networks": {List: []string{"0.0.0.0/0"}}}, urls: []string{}, notes: []string{"other_internal_networks: internal_networks[0] must be a network"}},
		{
			name: "ports and names", settings: map[string]redis.Setting{"service_port_whitelist": {Text: "53, 22,53,0,70000"}, "service_name_whitelist": {Text: "rpc.statd,ntpd"}}, urls: []string{},
			want: store.Patch{IgnoredPorts: &[]uint16{22, 53}, IgnoredNames: &[]string{"rpc.statd", "ntpd"}}, notes: []string{`port "0"`, `port "70000"`},
		},
		{name: "no ports", settings: map[string]redis.Setting{"service_port_whitelist": {}}, urls: []string{}, want: store.Patch{IgnoredPorts: &[]uint16{}}},
		{name: "ageing", settings: map[string]redis.Setting{"aging": table("Services", "3600", "Connections", "600")}, urls: []string{}, want: store.Patch{Ageing: &hour}, notes: []string{"the longer one"}},
		{name: "ageing of one", settings: map[string]redis.Setting{"aging": table("Services", "3600")}, urls: []string{}, want: store.Patch{Ageing: &hour}},
		{name: "no ageing", settings: map[string]redis.Setting{"aging": table("Services", "0", "Connections", "0")}, urls: []string{}, notes: []string{"setting aging: ageing must be"}},
		{name: "expiry", settings: map[string]redis.Setting{"expire": table("Services", "2", "Connections", "2", "Nagios Alerts", "1")}, urls: []string{}, want: store.Patch{ExpireAfter: ptr(48 * hour)}},
		{name: "never", settings: map[string]redis.Setting{"expire": table("Services", "2", "Connections", "0")}, urls: []string{}, want: store.Patch{ExpireAfter: ptr(topology.Duration(0))}, notes: []string{"the longer one"}},
		{name: "hiding", settings: map[string]redis.Setting{"hiding": table("Services", "7", "Connections", "7")}, urls: []string{}, want: store.Patch{HideAfter: ptr(7 * 24 * hour)}},
		{name: "no number", settings: map[string]redis.Setting{"hiding": table("Services", "a week", "Connections", "99999999999999999")}, urls: []string{}, notes: []string{"Services must be a number", "Connections must be a number"}},
		{name: "history", settings: map[string]redis.Setting{"history": table("enabled", "1", "interval", "3600", "expire", "604800")}, urls: []string{}, want: store.Patch{KeyFrames: &hour, Retention: ptr(7 * 24 * hour)}},
		{
			name: "aliases", settings: map[string]redis.Setting{redis.SeedAliases: table("WEB-01", "web1", "web-01", "web2", "DB", "", "db", "db1")}, urls: []string{},
			want: store.Patch{Aliases: &map[string]string{"WEB-01": "web1", "db": "db1"}}, notes: []string{"aliases[DB] must name a node", `alias "web-01" of "web2": in other letters it is that of "web1"`},
		},
		{
			name: "mapping", settings: map[string]redis.Setting{redis.SeedMapping: table("^MySQL.*", "^mysql.*", "^HTTP", "^nginx.*", "^(?!HTTP)", "java", "DNS", "")}, urls: []string{},
			want:  store.Patch{Mapping: &[]mapping.Rule{{Check: "^HTTP", Process: "^nginx.*"}, {Check: "^MySQL.*", Process: "^mysql.*"}}},
			notes: []string{`"DNS" to "": mapping[0].process must say where`, `mapping of "^(?!HTTP)" to "java": mapping[0].check must be a regular expression`},
		},
		{
			name: "monitoring", settings: map[string]redis.Setting{redis.SeedNagios: table("url", "http://me:hidden@icinga/cgi-bin/icinga/status.cgi", "refresh", "60", "expire", "3600")}, urls: []string{},
			want:    store.Patch{CheckExpiry: &hour},
			sources: []monitor.Options{{Name: "icinga", Kind: monitor.Icinga, URL: "http://icinga/cgi-bin/icinga/status.cgi", User: "me", Password: "hidden", Interval: topology.Duration(time.Minute)}},
		},
		{name: "monitoring nowhere", settings: map[string]redis.Setting{redis.SeedNagios: table("url", "http://me:hid den@[icinga", "refresh", "9999")}, urls: []string{}, notes: []string{`monitoring instance: url must be an absolute URL such as https://icinga.example:5665, is "xxxxx@[icinga"; interval must be`}},
		{name: "no history", settings: map[string]redis.Setting{"history": table("enabled", "0", "interval", "3600")}, urls: []string{}, want: store.Patch{KeyFrames: ptr(topology.Duration(0))}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := takeOver(&redis.Original{Nodes: tt.nodes, Settings: tt.settings}, "root")
			if diff := cmp.Diff(tt.urls, got.urls()); diff != "" {
				t.Errorf("nodes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, got.settings, cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{})); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.sources, got.sources); diff != "" {
				t.Errorf("sources (-want +got):\n%s", diff)
			}
			if strings.Contains(strings.Join(got.notes, "\n"), "hid den") {
				t.Errorf("a password stands in %q", got.notes)
			}
			if len(got.notes) != len(tt.notes) {
				t.Fatalf("notes are %q", got.notes)
			}
			for i, n := range tt.notes {
				if !strings.Contains(got.notes[i], n) {
					t.Errorf("note %q, want %q", got.notes[i], n)
				}
			}
		})
	}
}

// original fills a Redis as an installation of the original does, by its own
// commands.
func original(t *testing.T, server *real.Server) {
	for _, cmd := range [][]string{
		{"RPUSH", "dotm::nodes", "web1", "db1", "10.0.0.9"},
		{"HSET", "dotm::nodes::web1", "last_fetch", "1400000000", "fetch_status", "OK", "ips", "10.0.0.1"},
		{"HSET", "dotm::connections::web1::3306::db1", "process", "php-fpm", "connections", "3", "last_seen", "1400000000", "direction", "out", "remote_port", "3306"},
		{"HSET", "dotm::services::db1::3306", "process", "mysqld", "last_seen", "1400000000"},
		{"SET", "dotm::config::fetch_method", "agent"},
		{"RPUSH", "dotm::config::other_internal_networks", "203.0.113.0/24"},
		{"HSET", "dotm::config::user_node_aliases", "WEB-01", "web1"},
		{"HSET", "dotm::config::service_mapping", "^HTTP", "^nginx.*", "^MySQL.*", "^mysql.*"},
		{"HSET", "dotm::config::nagios_instance", "url", "http://dotm:hidden@icinga/cgi-bin/", "user", "dotm", "password", "hidden", "refresh", "60"},
		{"HSET", "dotm::config::hiding", "Services", "14", "Connections", "14"},
		{"RPUSH", "dotm::history", "1400000000", "1400003600"},
	} {
		server.CLI(t, cmd...)
	}
}

// command runs dotm as a person would.
func command(args ...string) (code int, out string) {
	var b bytes.Buffer
	code = run(args, &b, &b)
	return code, b.String()
}

func TestImportRedis(t *testing.T) {
	server := real.Start(t, "--enable-debug-command", "yes")
	original(t, server)
	before := server.CLI(t, "DEBUG", "DIGEST")
	dir := t.TempDir()

	code, out := command("import", "redis", server.URL(), "--to-data", dir, "--dry-run")
	if code != 0 || !strings.Contains(out, "Would be taken over: 3 nodes, 4 settings, 1 monitoring source") {
		t.Fatalf("%d\n%s", code, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "dotm.db")); err == nil {
		t.Error("a dry run wrote")
	}
	code, out = command("import", "redis", server.URL(), "--to-data", dir)
	if code != 0 {
		t.Fatalf("%d\n%s", code, out)
	}
	for _, want := range []string{
		"Taken over: 3 nodes, 4 settings, 1 monitoring source", "text://web1", "text://10.0.0.9", `"hide_after":"336h0m0s"`, `"internal_networks":["203.0.113.0/24"]`,
		`"aliases":{"WEB-01":"web1"}`, `"mapping":[{"check":"^HTTP","process":"^nginx.*"},{"check":"^MySQL.*","process":"^mysql.*"}]`,
		`source icinga: http://icinga/cgi-bin/, as "dotm", every 1m0s`, "Not taken: 2 snapshots",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if strings.Contains(out, "hidden") {
		t.Errorf("a password shows:\n%s", out)
	}
	if after := server.CLI(t, "DEBUG", "DIGEST"); after != before {
		t.Error("the original was written to")
	}
	s, err := bolt.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	imported(t, s)

	// Once more changes nothing; while the store is in use it is refused.
	code, out = command("import", "redis", server.URL(), "--to-data", dir)
	if code != exitError || !strings.Contains(out, "in use by another dotm") {
		t.Errorf("into a store in use: %d\n%s", code, out)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if code, out = command("import", "redis", server.URL(), "--to-data", dir, "--json"); code != 0 || strings.Contains(out, "hidden") {
		t.Fatalf("again: %d\n%s", code, out)
	}
	var answer struct {
		Written bool
		Nodes   []string
		Notes   []string
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil || !answer.Written || len(answer.Nodes) != 3 || len(answer.Notes) != 1 {
		t.Errorf("%v, %+v", err, answer)
	}
	if s, err = bolt.Open(dir); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	imported(t, s)
}

// imported checks what a store holds of the original.
func imported(t *testing.T, s store.Store) {
	t.Helper()
	state, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string][]string{}
	for _, d := range state.Documents {
		kinds[d.Kind] = append(kinds[d.Kind], d.Key)
	}
	for _, keys := range kinds {
		slices.Sort(keys)
	}
	want := map[string][]string{
		collect.TargetKind: {"text://10.0.0.9", "text://db1", "text://web1"},
		server.SourceKind:  {"icinga"},
	}
	delete(kinds, "ca")
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
	if got := state.Settings.Fields(); !slices.Equal(got, []string{"hide_after", "aliases", "mapping", "internal_networks"}) {
		t.Errorf("settings are %v", got)
	}
}

// TestImportRedisIntoRedis: into another database of the same server, which no
// server uses.
func TestImportRedisIntoRedis(t *testing.T) {
	server := real.Start(t, "--requirepass", "secret")
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("REDISCLI_AUTH", "secret")
	original(t, server)
	dir := t.TempDir()
	args := []string{"import", "redis", server.URL(), "--password-file", password, "--to-redis", server.URL() + "/1", "--to-redis-password-file", password, "--to-data", dir}
	if code, out := command(args...); code != 0 {
		t.Fatalf("%d\n%s", code, out)
	}
	s, err := redis.Open(t.Context(), server.URL()+"/1", redis.Options{Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	imported(t, s)
	if _, err := s.Lease(t.Context(), "leader", "some server", time.Minute); err != nil {
		t.Fatal(err)
	}
	if code, out := command(args...); code != exitError || !strings.Contains(out, "some server uses that redis now") {
		t.Errorf("while a server runs: %d\n%s", code, out)
	}
	args[6] = server.URL()
	if code, out := command(args...); code != exitError || !strings.Contains(out, "give dotm another database") {
		t.Errorf("into itself: %d\n%s", code, out)
	}
	if code, out := command("import", "redis", server.URL()+"/1", "--password-file", password, "--dry-run"); code != exitError || !strings.Contains(out, "is a store of dotm itself") {
		t.Errorf("of ours: %d\n%s", code, out)
	}
	if code, out := command("import", "redis", server.URL()+"/2", "--password-file", password, "--dry-run"); code != exitError || !strings.Contains(out, "is it another database") {
		t.Errorf("of nothing: %d\n%s", code, out)
	}
	if code, out := command("import", "redis", server.URL(), "--dry-run"); code != exitError || !strings.Contains(out, "check user and password") {
		t.Errorf("without the password: %d\n%s", code, out)
	}
}
