package zabbix

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/devops-trouble-map/dotm/monitor"
)

// What is done to an event: the sum of these.
const (
	actionAcknowledge = 2
	actionMessage     = 4
	// maxMessage is the most bytes of a message: older versions keep 255 characters.
	maxMessage = 255
)

// Acknowledges says what Acknowledge does.
func (s *Source) Acknowledges() string {
	return "acknowledges in Zabbix at " + s.api.client.Base().Host
}

// Acknowledge acknowledges all problems that a trigger has now, with author and comment
// as the message: by Zabbix' own account the login did it.
func (s *Source) Acknowledge(ctx context.Context, a monitor.Acknowledgement) (string, error) {
	if a.Name == "" {
		return "", fmt.Errorf("acknowledging %s: Zabbix has problems of triggers only, and none of a host as a whole", a.Host)
	}
	events, before, err := s.open(ctx, a)
	switch {
	case err != nil:
		return "", fmt.Errorf("acknowledging %s of %s: %w", a.Name, a.Host, err)
	case before == 0 && len(events) == 0:
		return "", fmt.Errorf("acknowledging %s of %s: it is no problem any more", a.Name, a.Host)
	case len(events) == 0:
		return "is acknowledged already", nil
	}
	params := map[string]any{"eventids": idTexts(events), "action": actionAcknowledge | actionMessage, "message": message(a)}
	if _, err := s.api.call(ctx, &query{method: "event.acknowledge", params: params}); err != nil {
		return "", refusedAcknowledging(err)
	}
	return "acknowledged in Zabbix, until it is over", nil
}

// message is what Zabbix keeps of who did it, and why.
func message(a monitor.Acknowledgement) string {
	said := monitor.Clean(a.Author, 100)
	if said == "" {
		said = "dotm"
	}
	if comment := monitor.Clean(a.Comment, monitor.MaxOutput); comment != "" {
		said += ": " + comment
	} else {
		said += ": acknowledged from dotm"
	}
	return monitor.Clean(said, maxMessage)
}

// open are the problems of a check that nobody acknowledged so far; before is how many
// somebody has.
func (s *Source) open(ctx context.Context, a monitor.Acknowledgement) (events []uint64, before int, err error) {
	if err := s.api.locate(ctx); err != nil {
		return nil, 0, err
	}
	s.mu.Lock()
	inv := s.inv
	s.mu.Unlock()
	if inv == nil {
		return nil, 0, errors.New("the source has not been read yet")
	}
	triggers := inv.find(a.Host, a.Name)
	if len(triggers) == 0 {
		return nil, 0, errors.New("there is no such trigger any more")
	}
	params := problemQuery(s.api.speaks())
	params["objectids"] = idTexts(triggers)
	_, err = s.api.call(ctx, list("problem.get", params, func(j *monitor.JSON) error {
		var p problem
		err := p.read(j)
		switch {
		case err != nil:
		case p.acknowledged:
			before++
		default:
			events = append(events, p.event)
		}
		return err
	}))
	return events, before, err
}

// refusedAcknowledging says what is missing where acknowledging is refused.
func refusedAcknowledging(err error) error {
	no, ok := errors.AsType[*refusal](err)
	if ok && strings.Contains(strings.ToLower(no.text), "no permissions") {
		return &monitor.Error{
			Reason: monitor.NoRight, Text: "the login may not acknowledge problems", Err: no,
			Hint: "let its role in Zabbix acknowledge problems and add comments to them, and call event.acknowledge",
		}
	}
	return err
}
