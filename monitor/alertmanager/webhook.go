package alertmanager

import (
	"fmt"
	"io"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
)

// The limits of what a webhook may send.
const (
	MaxNotification       = 16 << 20 // bytes
	MaxNotificationAlerts = 50_000
)

// webhookVersion is that of what webhooks send, since 0.6 of Alertmanager.
const webhookVersion = "4"

// Notification is what a webhook told.
type Notification struct {
	// Checks are those that fire, and Gone those that don't any more. Alertmanager
	// sends nothing while an alert is silenced or inhibited: where it can be read,
	// it is better read than believed.
	Checks []mapping.Check
	Gone   []mapping.Check // host and name alone
	Notes  []monitor.Note
}

// Webhook reads what Alertmanager sends to a webhook, with the rules of
// [DefaultRules].
func Webhook(r io.Reader) (*Notification, error) { return DefaultRules().Webhook(r) }

// sent is one alert of a notification.
type sent struct {
	alert
	Status string `json:"status"` // shadows what the API says there
}

// Webhook reads what Alertmanager sends to a webhook; an error is a [*monitor.Error].
// What counts is the status of each alert, not that of their group.
func (r *Rules) Webhook(body io.Reader) (*Notification, error) {
	var (
		firing, over []alert
		version, url string
		truncated    int
	)
	limited := &io.LimitedReader{R: body, N: MaxNotification + 1}
	j := monitor.NewJSON(limited)
	err := j.Object(func(key string) error {
		switch key {
		case "version":
			return j.Decode(&version)
		case "externalURL":
			return j.Decode(&url)
		case "truncatedAlerts":
			return j.Decode(&truncated)
		case "alerts":
			return j.Array(func() error {
				if len(firing)+len(over) == MaxNotificationAlerts {
					return tooLarge(fmt.Sprintf("more than %d alerts", MaxNotificationAlerts))
				}
				return r.next(j, &firing, &over)
			})
		}
		return j.Skip()
	})
	switch {
	case limited.N == 0:
		return nil, tooLarge(fmt.Sprintf("more than %d MiB", MaxNotification>>20))
	case err != nil:
		return nil, empty(err)
	case version != webhookVersion:
		return nil, &monitor.Error{Reason: monitor.NotIt, Text: fmt.Sprintf("this is not what Alertmanager sends to a webhook: version must be %q, is %q", webhookVersion, monitor.Clean(version, 40)), Hint: "let a webhook_configs of Alertmanager send here"}
	}
	return r.notification(firing, over, monitor.WebLink(url), truncated), nil
}

func tooLarge(what string) error {
	return &monitor.Error{Reason: monitor.TooLarge, Text: "a notification has " + what, Hint: "set max_alerts in the webhook_configs of Alertmanager, or a finer group_by"}
}

// next reads one alert.
func (r *Rules) next(j *monitor.JSON, firing, over *[]alert) error {
	var a sent
	if err := j.Decode(&a); err != nil {
		return err
	}
	if a.own() {
		return nil
	}
	a.tidy()
	r.slim(&a.alert)
	switch a.Status {
	case "firing":
		*firing = append(*firing, a.alert)
	case "resolved":
		*over = append(*over, a.alert)
	default:
		return &monitor.Error{Reason: monitor.NotIt, Text: fmt.Sprintf("the status of an alert must be firing or resolved, is %q", monitor.Clean(a.Status, 40)), Hint: "let a webhook_configs of Alertmanager send here"}
	}
	return nil
}

// notification names the alerts. Nobody remembers what they were called in the
// notification before, so all that an alert may have been called is gone, except what
// fires now.
func (r *Rules) notification(firing, over []alert, pages string, truncated int) *Notification {
	reading := &monitor.Reading{}
	n := &Notification{}
	sort(firing)
	firing = r.seen(reading, firing)
	names := r.name(firing, nil)
	taken := make(map[[2]string]bool, len(firing))
	for i := range firing {
		c := r.check(&firing[i], names[firing[i].Fingerprint], pages, nil)
		c.LastCheck = c.Since // it is told when something changes, and says no other time
		taken[[2]string{c.Host, c.Name}] = true
		n.Checks = append(n.Checks, c)
	}
	for _, list := range [][]alert{firing, over} {
		for i := range list {
			host, _ := r.host(&list[i])
			for _, name := range []string{r.short(&list[i]), r.long(&list[i])} {
				if key := [2]string{host, name}; !taken[key] {
					taken[key] = true
					n.Gone = append(n.Gone, gone(host, name))
				}
			}
		}
	}
	if truncated > 0 {
		reading.Say("truncated", fmt.Sprintf("Alertmanager left out %d alerts of a notification", truncated), "raise max_alerts in its webhook_configs, or let dotm read it as a source")
	}
	n.Notes = reading.Notes
	return n
}

func gone(host, name string) (c mapping.Check) {
	c.Kind, c.Host, c.Name = "service", host, name
	return c
}
