package alertmanager

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
)

func spelled(list []mapping.Check) (out []string) {
	for i := range list {
		c := &list[i]
		out = append(out, c.Host+"/"+c.Name+" "+string(c.Status))
	}
	return out
}

// TestCapturedWebhooks: two that fire, one of them over, both over.
func TestCapturedWebhooks(t *testing.T) {
	for file, firing := range map[string]int{"webhook-1.json": 2, "webhook-2.json": 1, "webhook-3.json": 0} {
		raw, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		n, err := Webhook(bytes.NewReader(raw))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if len(n.Checks) != firing || (len(n.Gone) == 0 && firing < 2) {
			t.Errorf("%s: firing are %q, gone %q", file, spelled(n.Checks), spelled(n.Gone))
		}
		for _, c := range n.Checks {
			if c.Since.IsZero() || !c.Hard || c.Output == "" {
				t.Errorf("%s: %+v", file, c)
			}
		}
	}
}

func TestWebhook(t *testing.T) {
	alert := func(labels, status string) string {
		return `{"status":"` + status + `","labels":{` + labels + `},"annotations":{},"startsAt":"2026-03-01T12:00:00Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"0123456789abcdef"}`
	}
	body := func(alerts ...string) string {
		return `{"version":"4","status":"firing","alerts":[` + strings.Join(alerts, ",") + `]}`
	}
	for _, tt := range []struct {
		name, body string
		want       []string
		reason     monitor.Reason
	}{
		{"a port", body(alert(`"alertname":"Slow","severity":"page","instance":"web1:80"`, "firing")), []string{"web1/Slow CRITICAL"}, ""},
		{"no severity", body(alert(`"alertname":"Odd","host":"a"`, "firing")), []string{"a/Odd UNKNOWN"}, ""},
		{"for information", body(alert(`"alertname":"Info","severity":"info","host":"a"`, "firing")), nil, ""},
		{"no host", body(alert(`"alertname":"Lost","severity":"warning"`, "firing")), []string{"/Lost WARNING"}, ""},
		{"a group that fires with one that is over", body(alert(`"alertname":"Over","host":"a"`, "resolved")), nil, ""},
		{"another version", `{"version":"3","alerts":[]}`, nil, monitor.NotIt},
		{"another status", body(alert(`"alertname":"x"`, "pending")), nil, monitor.NotIt},
		{"not JSON", `<html>`, nil, monitor.NotIt},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, err := Webhook(strings.NewReader(tt.body))
			if monitor.ReasonOf(err) != tt.reason {
				t.Fatalf("%v (%s), want %s", err, monitor.ReasonOf(err), tt.reason)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(tt.want, spelled(n.Checks)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzWebhook: whatever is sent, it is an error or results that can be shown.
func FuzzWebhook(f *testing.F) {
	for _, file := range []string{"webhook-1.json", "webhook-2.json", "webhook-3.json"} {
		raw, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, err := Webhook(bytes.NewReader(raw))
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, c := range n.Checks {
			if key := c.Host + "\x00" + c.Name; seen[key] || !c.Status.Bad() {
				t.Errorf("%q twice, or %s", key, c.Status)
			} else {
				seen[key] = true
			}
		}
	})
}
