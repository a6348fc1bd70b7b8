package api

import (
	"bufio"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/api/incidents"
	"github.com/devops-trouble-map/dotm/trouble"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

// until asks again until an answer is as wanted.
func (s *site) until(t *testing.T, path string, into any, done func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(30 * time.Second); ; {
		if a := s.get(t, path); a.StatusCode == http.StatusOK {
			if err := json.Unmarshal(a.body, into); err != nil {
				t.Fatal(err)
			}
			if done() {
				return
			}
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s never is as wanted: %+v", path, into)
		}
	}
}

func (s *site) hand(t *testing.T, checks string) {
	t.Helper()
	if a := s.do(t, http.MethodPost, Prefix+"/checks", `{"checks":[`+checks+`]}`, "Content-Type", "application/json"); a.StatusCode != http.StatusAccepted {
		t.Fatalf("%s: %s", a.Status, a.body)
	}
}

// TestIncidents: what goes bad is an incident, with its cause; it is acknowledged, told on
// the stream, and resolved when it is over.
func TestIncidents(t *testing.T) {
	s := newSite(t, siteOptions{})
	s.shop(t)
	events := s.get(t, Prefix+"/incidents")
	if string(events.body[:40]) == "" || !strings.Contains(string(events.body), `"incidents":[]`) {
		t.Fatalf("%s", events.body)
	}
	stream, err := http.Get(s.URL + Prefix + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	s.hand(t, `{"host":"db","name":"postgres","port":5432,"status":"CRITICAL","output":"connection refused"},{"host":"web","name":"http","port":80,"status":"CRITICAL"}`)
	var list IncidentList
	s.until(t, Prefix+"/incidents", &list, func() bool { return len(list.Incidents) == 1 && list.Incidents[0].Bad == 2 })
	in := list.Incidents[0]
	if in.Title != "postgres refuses connections on db" || in.Cause == nil || in.Cause.Node != "db" || in.Unclear {
		t.Errorf("%+v", in)
	}
	doc, _ := openAPI(t, s)
	a := s.get(t, Prefix+"/incidents/"+in.ID)
	var v any
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range doc.check(doc.Paths[Prefix+"/incidents/{id}"]["get"].Responses["200"].Content["application/json"].Schema, v, "") {
		t.Error(wrong)
	}
	var card IncidentCard
	if err := json.Unmarshal(a.body, &card); err != nil || len(card.Order) != 2 || len(card.Timeline) < 3 || card.Bad != 2 {
		t.Errorf("%v: %s", err, a.body)
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
		if a := s.do(t, http.MethodPatch, Prefix+"/incidents/"+in.ID, body, "Content-Type", "application/json"); a.StatusCode != want {
			t.Errorf("%s: %s %s", body, a.Status, a.body)
		}
	}
	if a := s.do(t, http.MethodPatch, Prefix+"/incidents/"+in.ID, `{"acknowledge":true,"checks":true}`, "Content-Type", "application/json"); !strings.Contains(string(a.body), `"error":`) {
		t.Errorf("a passive source acknowledges: %s", a.body)
	}
	if a := s.do(t, http.MethodPatch, Prefix+"/incidents/nobody", `{"acknowledge":true}`, "Content-Type", "application/json"); a.StatusCode != http.StatusNotFound {
		t.Errorf("%s", a.Status)
	}
	s.until(t, Prefix+"/incidents", &list, func() bool { return true })
	if ack := list.Incidents[0].Acknowledged; ack == nil || ack.By != "dotm" || ack.At.Before(in.Opened) || time.Since(ack.At) > time.Minute {
		t.Errorf("acknowledged by %+v", ack)
	}
	open := list.At
	s.hand(t, `{"host":"db","name":"postgres","port":5432,"status":"OK"},{"host":"web","name":"http","port":80,"status":"OK"}`)
	s.until(t, Prefix+"/incidents/"+in.ID, &card, func() bool { return card.State == incident.Resolved })
	said := func(e incident.Entry) bool {
		return e.Kind == incident.EntryAck && e.Text == "dotm takes care of it: on it"
	}
	if card.Ack == nil || card.Ack.By != "dotm" || !slices.ContainsFunc(card.Timeline, said) {
		t.Errorf("%+v, %+v", card.Ack, card.Timeline)
	}
	s.past(t, &in, open)
	s.until(t, Prefix+"/incidents?state=resolved&from=-1h", &list, func() bool { return len(list.Incidents) == 1 })
	s.until(t, Prefix+"/incidents?state=resolved&to=-1h", &list, func() bool { return len(list.Incidents) == 0 })
	for _, path := range []string{"/incidents?at=soon", "/incidents?at=2999-01-01T00:00:00Z", "/incidents/" + in.ID + "?at=2999-01-01T00:00:00Z", "/incidents?state=bad", "/incidents?from=yesterday", "/incidents?limit=0", "/impact?of=web&since=x", "/impact"} {
		if a := s.get(t, Prefix+path); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s %s", path, a.Status, a.body)
		}
	}
}

// past asks for the time in which an incident that is over was open.
func (s *site) past(t *testing.T, in *incidents.Summary, open time.Time) {
	t.Helper()
	at := "?at=" + open.Format(time.RFC3339Nano)
	var list IncidentList
	s.until(t, Prefix+"/incidents"+at, &list, func() bool { return true })
	if len(list.Incidents) != 1 || list.Incidents[0].State != incident.Open || list.Incidents[0].Bad != 2 || !list.At.Equal(open) {
		t.Errorf("as of %s: %+v", open, list)
	}
	var card IncidentCard
	s.until(t, Prefix+"/incidents/"+in.ID+at, &card, func() bool { return true })
	if card.State != incident.Open || card.Bad != 2 || !card.Resolved.IsZero() || card.Timeline[len(card.Timeline)-1].At.After(open) {
		t.Errorf("as of %s: %+v", open, card)
	}
	before := "?at=" + in.Opened.Add(-time.Second).Format(time.RFC3339Nano)
	if s.until(t, Prefix+"/incidents"+before, &list, func() bool { return true }); len(list.Incidents) != 0 {
		t.Errorf("before it: %+v", list)
	}
	if a := s.get(t, Prefix+"/incidents/"+in.ID+before); a.StatusCode != http.StatusNotFound || !strings.Contains(string(a.body), "after the moment that is asked about") {
		t.Errorf("%s: %s", a.Status, a.body)
	}
}

// TestAstray: a host that only monitoring knows is an incident, on no node.
func TestAstray(t *testing.T) {
	s := newSite(t, siteOptions{})
	s.shop(t)
	s.hand(t, `{"host":"sw1","status":"DOWN","output":"no answer"},{"host":"sw1","name":"port 3","status":"CRITICAL"}`)
	var list IncidentList
	s.until(t, Prefix+"/incidents", &list, func() bool { return len(list.Incidents) == 1 && list.Incidents[0].Bad == 2 })
	if in := &list.Incidents[0]; in.Title != "sw1 is down" || in.Unclear || in.Strength == trouble.Strong || len(in.Nodes) != 0 || in.Predicted != 0 || !strings.Contains(in.Sentence, "it is not on the chart") {
		t.Errorf("%+v", in)
	}
	var card IncidentCard
	s.until(t, Prefix+"/incidents/"+list.Incidents[0].ID, &card, func() bool { return true })
	if card.Alerts[0].Stray != `no node has an address or a name of "sw1"` {
		t.Errorf("%+v", card.Alerts)
	}
	s.hand(t, `{"host":"sw1","status":"UP"},{"host":"sw1","name":"port 3","status":"OK"}`)
	s.until(t, Prefix+"/incidents", &list, func() bool { return len(list.Incidents) == 0 })
}

// TestImpact: who needs it, and how much was seen; never that nobody does.
func TestImpact(t *testing.T) {
	s := newSite(t, siteOptions{})
	s.shop(t)
	for of, want := range map[string]string{
		"db:5432": "would fail next, ", "db": "If db fails: ", "db~tcp~5432,web": "If db ",
	} {
		a := s.get(t, Prefix+"/impact?of="+of)
		var im Impact
		if err := json.Unmarshal(a.body, &im); err != nil || len(im.Predicted) == 0 || !strings.Contains(strings.Join(im.Text, " "), want) {
			t.Errorf("%s: %v, %s", of, err, a.body)
		}
		if strings.Contains(string(a.body), "unused") {
			t.Errorf("%s", a.body)
		}
	}
	// What needs it and is in trouble already is no prediction.
	s.hand(t, `{"host":"web","name":"http","port":80,"status":"CRITICAL"}`)
	var im Impact
	s.until(t, Prefix+"/impact?of=db:5432", &im, func() bool { return len(im.Confirmed) == 1 && im.Confirmed[0].Component == "web~tcp~80" })
	for _, e := range im.Predicted {
		if e.Component == "web~tcp~80" {
			t.Errorf("both confirmed and predicted: %+v", im.Impact)
		}
	}
	if !strings.Contains(im.Text[0], "1 that need it are in trouble already") {
		t.Errorf("%q", im.Text)
	}
	if a := s.get(t, Prefix+"/impact?of=nobody:1"); a.StatusCode != http.StatusNotFound || !strings.Contains(string(a.body), "dotm map lists them") {
		t.Errorf("%s %s", a.Status, a.body)
	}
}
