package incidents_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/api/incidents"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/trouble"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

// TestIncidents: what goes bad is an incident, with its cause; it is acknowledged, told on
// the stream, and resolved when it is over.
func TestIncidents(t *testing.T) {
	s := served.New(t, served.Options{})
	s.Shop(t)
	events := s.Get(t, api.Prefix+"/incidents")
	if string(events.Text[:40]) == "" || !strings.Contains(string(events.Text), `"incidents":[]`) {
		t.Fatalf("%s", events.Text)
	}
	stream, err := http.Get(s.URL + api.Prefix + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	s.Hand(t, `{"host":"db","name":"postgres","port":5432,"status":"CRITICAL","output":"connection refused"},{"host":"web","name":"http","port":80,"status":"CRITICAL"}`)
	var list api.IncidentList
	s.Until(t, api.Prefix+"/incidents", &list, func() bool { return len(list.Incidents) == 1 && list.Incidents[0].Bad == 2 })
	in := list.Incidents[0]
	if in.Title != "postgres refuses connections on db" || in.Cause == nil || in.Cause.Node != "db" || in.Unclear {
		t.Errorf("%+v", in)
	}
	doc, _ := served.OpenAPI(t, s)
	a := s.Get(t, api.Prefix+"/incidents/"+in.ID)
	var v any
	if err := json.Unmarshal(a.Text, &v); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range doc.Check(doc.Paths[api.Prefix+"/incidents/{id}"]["get"].Responses["200"].Content["application/json"].Schema, v, "") {
		t.Error(wrong)
	}
	var card api.IncidentCard
	if err := json.Unmarshal(a.Text, &card); err != nil || len(card.Order) != 2 || len(card.Timeline) < 3 || card.Bad != 2 {
		t.Errorf("%v: %s", err, a.Text)
	}
	lines := bufio.NewScanner(stream.Body)
	for lines.Scan() && lines.Text() != "event: incidents" {
	}
	lines.Scan()
	if !strings.Contains(lines.Text(), `"id":"`+in.ID+`","state":"open","what":"opened"`) {
		t.Errorf("told %s", lines.Text())
	}
	for body, want := range map[string]int{
		`{"acknowledge":false}`:                  http.StatusUnprocessableEntity,
		`{"acknowledge":true,"comment":"on it"}`: http.StatusOK,
	} {
		if a := s.Do(t, http.MethodPatch, api.Prefix+"/incidents/"+in.ID, body, "Content-Type", "application/json"); a.StatusCode != want {
			t.Errorf("%s: %s %s", body, a.Status, a.Text)
		}
	}
	if a := s.Do(t, http.MethodPatch, api.Prefix+"/incidents/"+in.ID, `{"acknowledge":true,"checks":true}`, "Content-Type", "application/json"); !strings.Contains(string(a.Text), `"error":`) {
		t.Errorf("a passive source acknowledges: %s", a.Text)
	}
	if a := s.Do(t, http.MethodPatch, api.Prefix+"/incidents/nobody", `{"acknowledge":true}`, "Content-Type", "application/json"); a.StatusCode != http.StatusNotFound {
		t.Errorf("%s", a.Status)
	}
	s.Until(t, api.Prefix+"/incidents", &list, func() bool { return true })
	if ack := list.Incidents[0].Acknowledged; ack == nil || ack.By != "dotm" || ack.At.Before(in.Opened) || time.Since(ack.At) > time.Minute {
		t.Errorf("acknowledged by %+v", ack)
	}
	open := list.At
	s.Hand(t, `{"host":"db","name":"postgres","port":5432,"status":"OK"},{"host":"web","name":"http","port":80,"status":"OK"}`)
	s.Until(t, api.Prefix+"/incidents/"+in.ID, &card, func() bool { return card.State == incident.Resolved })
	said := func(e incident.Entry) bool {
		return e.Kind == incident.EntryAck && e.Text == "dotm takes care of it: on it"
	}
	if card.Ack == nil || card.Ack.By != "dotm" || !slices.ContainsFunc(card.Timeline, said) {
		t.Errorf("%+v, %+v", card.Ack, card.Timeline)
	}
	past(t, s, &in, open)
	s.Until(t, api.Prefix+"/incidents?state=resolved&from=-1h", &list, func() bool { return len(list.Incidents) == 1 })
	s.Until(t, api.Prefix+"/incidents?state=resolved&to=-1h", &list, func() bool { return len(list.Incidents) == 0 })
	for _, path := range []string{"/incidents?at=soon", "/incidents?at=2999-01-01T00:00:00Z", "/incidents/" + in.ID + "?at=2999-01-01T00:00:00Z", "/incidents?state=bad", "/incidents?from=yesterday", "/incidents?limit=0", "/impact?of=web&since=x", "/impact"} {
		if a := s.Get(t, api.Prefix+path); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s %s", path, a.Status, a.Text)
		}
	}
}

// past asks for the time in which an incident that is over was open.
func past(t *testing.T, s *served.Site, in *incidents.Summary, open time.Time) {
	t.Helper()
	at := "?at=" + open.Format(time.RFC3339Nano)
	var list api.IncidentList
	s.Until(t, api.Prefix+"/incidents"+at, &list, func() bool { return true })
	if len(list.Incidents) != 1 || list.Incidents[0].State != incident.Open || list.Incidents[0].Bad != 2 || !list.At.Equal(open) {
		t.Errorf("as of %s: %+v", open, list)
	}
	var card api.IncidentCard
	s.Until(t, api.Prefix+"/incidents/"+in.ID+at, &card, func() bool { return true })
	if card.State != incident.Open || card.Bad != 2 || !card.Resolved.IsZero() || card.Timeline[len(card.Timeline)-1].At.After(open) {
		t.Errorf("as of %s: %+v", open, card)
	}
	before := "?at=" + in.Opened.Add(-time.Second).Format(time.RFC3339Nano)
	if s.Until(t, api.Prefix+"/incidents"+before, &list, func() bool { return true }); len(list.Incidents) != 0 {
		t.Errorf("before it: %+v", list)
	}
	if a := s.Get(t, api.Prefix+"/incidents/"+in.ID+before); a.StatusCode != http.StatusNotFound || !strings.Contains(string(a.Text), "after the moment that is asked about") {
		t.Errorf("%s: %s", a.Status, a.Text)
	}
}

// TestAstray: a host that only monitoring knows is an incident, on no node.
func TestAstray(t *testing.T) {
	s := served.New(t, served.Options{})
	s.Shop(t)
	s.Hand(t, `{"host":"sw1","status":"DOWN","output":"no answer"},{"host":"sw1","name":"port 3","status":"CRITICAL"}`)
	var list api.IncidentList
	s.Until(t, api.Prefix+"/incidents", &list, func() bool { return len(list.Incidents) == 1 && list.Incidents[0].Bad == 2 })
	if in := &list.Incidents[0]; in.Title != "sw1 is down" || in.Unclear || in.Strength == trouble.Strong || len(in.Nodes) != 0 || in.Predicted != 0 || !strings.Contains(in.Sentence, "it is not on the chart") {
		t.Errorf("%+v", in)
	}
	var card api.IncidentCard
	s.Until(t, api.Prefix+"/incidents/"+list.Incidents[0].ID, &card, func() bool { return true })
	if card.Alerts[0].Stray != `no node has an address or a name of "sw1"` {
		t.Errorf("%+v", card.Alerts)
	}
	s.Hand(t, `{"host":"sw1","status":"UP"},{"host":"sw1","name":"port 3","status":"OK"}`)
	s.Until(t, api.Prefix+"/incidents", &list, func() bool { return len(list.Incidents) == 0 })
}

// TestImpact: who needs it, and how much was seen; never that nobody does.
func TestImpact(t *testing.T) {
	s := served.New(t, served.Options{})
	s.Shop(t)
	for of, want := range map[string]string{
		"db:5432": "would fail next, ", "db": "If db fails: ", "db~tcp~5432,web": "If db ",
	} {
		a := s.Get(t, api.Prefix+"/impact?of="+of)
		var im api.Impact
		if err := json.Unmarshal(a.Text, &im); err != nil || len(im.Predicted) == 0 || !strings.Contains(strings.Join(im.Text, " "), want) {
			t.Errorf("%s: %v, %s", of, err, a.Text)
		}
		if strings.Contains(string(a.Text), "unused") {
			t.Errorf("%s", a.Text)
		}
	}
	// What needs it and is in trouble already is no prediction.
	s.Hand(t, `{"host":"web","name":"http","port":80,"status":"CRITICAL"}`)
	var im api.Impact
	s.Until(t, api.Prefix+"/impact?of=db:5432", &im, func() bool { return len(im.Confirmed) == 1 && im.Confirmed[0].Component == "web~tcp~80" })
	for _, e := range im.Predicted {
		if e.Component == "web~tcp~80" {
			t.Errorf("both confirmed and predicted: %+v", im.Impact)
		}
	}
	if !strings.Contains(im.Text[0], "1 that need it are in trouble already") {
		t.Errorf("%q", im.Text)
	}
	if a := s.Get(t, api.Prefix+"/impact?of=nobody:1"); a.StatusCode != http.StatusNotFound || !strings.Contains(string(a.Text), "dotm map lists them") {
		t.Errorf("%s %s", a.Status, a.Text)
	}
}
