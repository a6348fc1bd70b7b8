package settings_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/topology"
)

func TestSettings(t *testing.T) {
	hour := topology.Duration(time.Hour)
	s := served.New(t, served.Options{Fixed: store.Patch{HideAfter: &hour}})
	type answer struct {
		Settings store.Settings
		Locked   []string
	}
	got := served.Read[answer](t, s, api.Prefix+"/settings")
	if got.Settings.Ageing != store.Defaults().Ageing || got.Settings.HideAfter != hour || fmt.Sprint(got.Locked) != "[hide_after]" {
		t.Errorf("settings %+v", got)
	}
	a := s.Do(t, http.MethodPatch, api.Prefix+"/settings", `{"ageing":"1m","ignored_names":[],"internal_networks":["203.0.113.0/24"]}`, "Content-Type", "application/json")
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", a.Status, a.Text)
	}
	if err := json.Unmarshal(a.Text, &got); err != nil {
		t.Fatal(err)
	}
	if got.Settings.Ageing != topology.Duration(time.Minute) || len(got.Settings.IgnoredNames) != 0 || len(got.Settings.InternalNetworks) != 1 {
		t.Errorf("answer %s", a.Text)
	}
	if again := served.Read[answer](t, s, api.Prefix+"/settings"); fmt.Sprint(again) != fmt.Sprint(got) {
		t.Errorf("afterwards %+v", again)
	}
}

func TestRefused(t *testing.T) {
	hour := topology.Duration(time.Hour)
	s := served.New(t, served.Options{Fixed: store.Patch{HideAfter: &hour}})
	for _, tt := range []struct {
		name, body       string
		status           int
		location, detail string
	}{
		{"locked", `{"hide_after":"2h"}`, 409, "body.hide_after", "hide_after is set in dotm.yaml: change it there and restart"},
		{"too short", `{"ageing":"1ms"}`, 422, "body.ageing", "ageing must be 1s to 87600h0m0s, is 1ms"},
		{"port 0", `{"ignored_ports":[22,0]}`, 422, "body.ignored_ports[1]", "ignored_ports[1] must be 1 to 65535, is 0"},
		{"unknown", `{"aging":"1m"}`, 422, "body.aging", "aging must be one of ageing, hide_after, expire_after, stale_after, retention, retention_bytes, key_frames, ledger_retention, audit_retention, poll_interval, check_expiry, signals, aliases, mapping, internal_networks, outside_networks, virtual_addresses, names, names_by, internet_split, ignored_ports, ignored_names, is no setting"},
		{"wrong type", `{"ignored_ports":"22"}`, 422, "body.ignored_ports", ""},
		{"large port", `{"ignored_ports":[70000]}`, 422, "body.ignored_ports[0]", "ignored_ports[0] must be a port, 1 to 65535, is 70000"},
		{"no duration", `{"ageing":"five minutes"}`, 422, "body.ageing", `ageing must be a duration like "90s" or "5m", is "five minutes"`},
		{"number as duration", `{"ageing":300}`, 422, "body.ageing", ""},
		{"no network", `{"internal_networks":["10.0.0.1"]}`, 422, "body.internal_networks[0]", `internal_networks[0] must be a network like 203.0.113.0/24, is "10.0.0.1"`},
		{"no JSON", `{`, 400, "", ""},
		{"empty", ``, 400, "", ""},
		{"too large", `{"ignored_names":["` + strings.Repeat("x", 1<<20) + `"]}`, 413, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := served.Refused(t, s.Do(t, http.MethodPatch, api.Prefix+"/settings", tt.body, "Content-Type", "application/json"), tt.status)
			if tt.detail != "" && p.Detail != tt.detail {
				t.Errorf("detail %q, want %q", p.Detail, tt.detail)
			}
			if tt.location != "" && (len(p.Errors) == 0 || p.Errors[0].Location != tt.location) {
				t.Errorf("errors %+v, want one at %s", p.Errors, tt.location)
			}
		})
	}
	if in, _ := s.Model.Settings(); in.Ageing != store.Defaults().Ageing {
		t.Error("a refused patch is in force")
	}
}
