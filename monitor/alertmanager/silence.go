package alertmanager

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
)

// silenceFor is how long a silence lasts that dotm makes.
const silenceFor = 2 * time.Hour

// silences are who silenced alerts, until when and why, by their ids. What can't be
// read of it is noted: the alerts themselves are there.
func (s *Source) silences(ctx context.Context, r *monitor.Reading, list []alert) map[string]string {
	who := map[string]string{}
	for i := range list {
		for _, id := range list[i].Status.SilencedBy {
			who[id] = ""
		}
	}
	if len(who) == 0 {
		return who
	}
	resp, err := s.client.Get(ctx, "/api/v2/silences", nil)
	if err == nil {
		defer resp.Close()
		j := monitor.NewJSON(resp.Body)
		err = j.Array(func() error { return silence(j, who) })
	}
	if err != nil {
		r.Say("silences", "who silenced alerts can't be read: "+monitor.Clean(err.Error(), 300), "let the login read /api/v2/silences")
	}
	return who
}

// silence reads one, if it is wanted.
func silence(j *monitor.JSON, who map[string]string) error {
	var s struct {
		ID        string    `json:"id"`
		CreatedBy string    `json:"createdBy"`
		Comment   string    `json:"comment"`
		EndsAt    time.Time `json:"endsAt"`
	}
	if err := j.Decode(&s); err != nil {
		return err
	}
	if _, wanted := who[s.ID]; !wanted {
		return nil
	}
	text := fmt.Sprintf("silenced by %s until %s", monitor.Clean(s.CreatedBy, 100), moment(s.EndsAt))
	if s.Comment != "" {
		text += ": " + monitor.Clean(s.Comment, 200)
	}
	who[s.ID] = text
	return nil
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// Acknowledges says what Acknowledge does.
func (*Source) Acknowledges() string { return "silences the alert in Alertmanager for 2 hours" }

// Acknowledge silences an alert by all of its labels, so that no other is meant.
func (s *Source) Acknowledge(ctx context.Context, a monitor.Acknowledgement) (string, error) {
	if !s.acknowledge {
		return "", &monitor.Error{Reason: monitor.NoRight, Text: "this source may not acknowledge", Hint: "set acknowledge: true on it"}
	}
	found, err := s.find(ctx, a)
	if err != nil {
		return "", err
	}
	if ids := found.Status.SilencedBy; len(ids) > 0 {
		return "it was silenced already, by " + monitor.Clean(ids[0], 40), nil
	}
	return s.silence(ctx, found, a)
}

// find is the alert that a check stands for.
func (s *Source) find(ctx context.Context, a monitor.Acknowledgement) (*alert, error) {
	list, err := s.alerts(ctx, func(*alert) {}) // a silence is by all labels
	if err != nil {
		return nil, err
	}
	list = s.rules.seen(&monitor.Reading{}, list)
	names := s.rules.name(list, s.names)
	for i := range list {
		if host, _ := s.rules.host(&list[i]); host == a.Host && names[list[i].Fingerprint] == a.Name {
			return &list[i], nil
		}
	}
	return nil, &monitor.Error{Reason: monitor.NotThere, Text: "Alertmanager has no such alert now", Hint: "it is over, or was not sent again after Alertmanager was started"}
}

// matcher is one condition of a silence.
type matcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"`
	IsEqual bool   `json:"isEqual"`
}

func (s *Source) silence(ctx context.Context, found *alert, a monitor.Acknowledgement) (string, error) {
	now := s.now().UTC() // what begins in the past begins at once, if clocks differ, too
	wanted := struct {
		Matchers  []matcher `json:"matchers"`
		StartsAt  time.Time `json:"startsAt"`
		EndsAt    time.Time `json:"endsAt"`
		CreatedBy string    `json:"createdBy"`
		Comment   string    `json:"comment"`
	}{StartsAt: now.Add(-time.Minute), EndsAt: now.Add(silenceFor), CreatedBy: monitor.Clean(a.Author, 100), Comment: monitor.Clean(a.Comment, monitor.MaxOutput)}
	for _, name := range slices.Sorted(maps.Keys(found.Labels)) {
		wanted.Matchers = append(wanted.Matchers, matcher{Name: name, Value: found.Labels[name], IsEqual: true})
	}
	if wanted.CreatedBy == "" {
		wanted.CreatedBy = "dotm"
	}
	if wanted.Comment == "" {
		wanted.Comment = "acknowledged" // Alertmanager wants one
	}
	body, err := json.Marshal(&wanted)
	if err != nil {
		return "", fmt.Errorf("wording a silence: %w", err)
	}
	resp, err := s.client.Post(ctx, "/api/v2/silences", http.Header{"Content-Type": {"application/json"}}, body)
	if err != nil {
		return "", hinted(err)
	}
	defer resp.Close()
	var answer struct {
		SilenceID string `json:"silenceID"`
	}
	if err := monitor.NewJSON(resp.Body).Decode(&answer); err != nil {
		return "", empty(err)
	}
	return fmt.Sprintf("silence %s until %s", monitor.Clean(answer.SilenceID, 40), moment(wanted.EndsAt)), nil
}
