package alertmanager_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/notify"
	"github.com/devops-trouble-map/dotm/notify/alertmanager"
	real "github.com/devops-trouble-map/dotm/test/alertmanager"
	"github.com/devops-trouble-map/dotm/test/daemon"
	"github.com/devops-trouble-map/dotm/topology"
)

// told are the active alerts about incidents, by cause.
func told(t *testing.T, s *real.Server) map[string]string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api/v2/alerts?filter=source%3Ddotm", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(real.User, real.Password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var list []struct {
		Labels, Annotations map[string]string
		EndsAt              time.Time
	}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, a := range list {
		out[a.Labels["alertname"]+" "+a.Labels["incident"]] = a.Annotations["severity"] + ": " + a.Annotations["summary"] + ", " + a.Annotations["cause"]
	}
	return out
}

func TestRealAlertmanager(t *testing.T) {
	s := real.Start(t)
	sender := alertmanager.New(notify.Options{URL: s.URL + "/", User: real.User, Password: real.Password})
	now := time.Now()
	n := &notify.Notice{News: notify.Opened, At: now, Text: "card", Incident: notify.Incident{
		ID: "k3j2", Title: "postgres on db1\nis CRITICAL", Status: topology.Critical, Opened: now.Add(-time.Minute), Causes: []notify.Cause{{Component: "db1"}},
	}}
	send := func() {
		t.Helper()
		if err := sender.Send(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	shows := func(want map[string]string) {
		t.Helper()
		var diff string
		daemon.WaitFor(t, "what was told to be there", func() bool {
			diff = cmp.Diff(want, told(t, s))
			return diff == ""
		})
	}
	send()
	shows(map[string]string{"DotmIncident k3j2": "critical: postgres on db1 is CRITICAL, db1"})

	n.News, n.Incident.Causes, n.Incident.Status = notify.CauseChanged, []notify.Cause{{Component: "db2"}}, topology.Warning
	send()
	send() // as each minute
	shows(map[string]string{"DotmIncident k3j2": "warning: postgres on db1 is CRITICAL, db2"})

	n.News, n.Incident.Ended = notify.Resolved, time.Now()
	send()
	shows(map[string]string{})

	if err := sender.Send(t.Context(), notify.Sample(time.Now())); err != nil {
		t.Fatal(err)
	}
	shows(map[string]string{"DotmTest test": "warning: Test: this is no incident, "})
}

func TestWrongLogin(t *testing.T) {
	s := real.Start(t)
	sender := alertmanager.New(notify.Options{URL: s.URL, User: real.User, Password: "other"})
	var refused *notify.Refused
	if err := sender.Send(t.Context(), notify.Sample(time.Now())); !errors.As(err, &refused) {
		t.Errorf("error is %v", err)
	}
}
