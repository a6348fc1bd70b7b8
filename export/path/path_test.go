package path

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/incident"
	"github.com/devops-trouble-map/dotm/view"
)

// cases are what the page is held to, too (web/src/state/trace.test.ts).
type cases struct {
	Charts    map[string]*view.Topology
	Incidents map[string]*incident.Incident
	Cases     []struct {
		Chart, Incident string
		Want            struct {
			Tags      map[string]Tag
			Edges     map[string]Way
			Predicted []string
			Bad       int
			Tone      string
		}
	}
}

func read(t *testing.T) *cases {
	t.Helper()
	raw, err := os.ReadFile("testdata/path.json")
	if err != nil {
		t.Fatal(err)
	}
	var c cases
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	return &c
}

// TestAsThePage: the page draws by the same rule.
func TestAsThePage(t *testing.T) {
	all := read(t)
	if len(all.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range all.Cases {
		got := Of(all.Charts[c.Chart], all.Incidents[c.Incident], time.Time{})
		if diff := cmp.Diff(c.Want.Edges, got.Edges); diff != "" {
			t.Errorf("%s, %s: edges (-page +here):\n%s", c.Chart, c.Incident, diff)
		}
		if diff := cmp.Diff(c.Want.Tags, got.Tags); diff != "" {
			t.Errorf("%s, %s: tags (-page +here):\n%s", c.Chart, c.Incident, diff)
		}
		if predicted := slices.Sorted(maps.Keys(got.Predicted)); !slices.Equal(predicted, c.Want.Predicted) || got.Bad != c.Want.Bad || !strings.EqualFold(string(got.Worst), c.Want.Tone) {
			t.Errorf("%s, %s: predicted %v, %d bad, %s; the page has %+v", c.Chart, c.Incident, predicted, got.Bad, got.Worst, c.Want)
		}
	}
}

// TestAsOfThen: of what is over by now, that counts which was bad at the moment; nothing
// is predicted of the past.
func TestAsOfThen(t *testing.T) {
	all := read(t)
	chart, in := all.Charts["services"], *all.Incidents["full"]
	in.Alerts = slices.Clone(in.Alerts)
	opened := in.Alerts[0].Seen
	for i := range in.Alerts {
		in.Alerts[i].Seen, in.Alerts[i].Over = opened.Add(time.Duration(i)*time.Minute), opened.Add(time.Hour)
	}
	in.State = incident.Resolved
	for _, c := range []struct {
		at   time.Time
		want int
	}{{time.Time{}, 3}, {opened, 1}, {opened.Add(90 * time.Second), 2}, {opened.Add(2 * time.Hour), 3}} {
		if got := Of(chart, &in, c.at); got.Bad != c.want || len(got.Predicted) > 0 {
			t.Errorf("as of %s: %d bad, %v predicted, want %d and none", c.at, got.Bad, got.Predicted, c.want)
		}
	}
	if got := Of(&view.Topology{}, &in, time.Time{}); len(got.Tags)+len(got.Edges)+got.Bad != 0 || got.Worst != topology.Critical {
		t.Errorf("on an empty chart: %+v", got)
	}
}
