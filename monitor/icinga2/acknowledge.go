package icinga2

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/devops-trouble-map/dotm/monitor"
)

// Acknowledges says what Acknowledge does.
func (s *Source) Acknowledges() string { return "acknowledges in Icinga 2 at " + s.client.Base().Host }

// Acknowledge acknowledges a problem until its state changes, without telling
// anybody.
func (s *Source) Acknowledge(ctx context.Context, a monitor.Acknowledgement) (string, error) {
	body, err := json.Marshal(acknowledgement(a))
	if err != nil {
		return "", fmt.Errorf("acknowledging %s: %w", called(a), err)
	}
	resp, err := s.client.Post(ctx, "/v1/actions/acknowledge-problem", nil, body)
	if err != nil {
		return refused(a, err)
	}
	defer resp.Close()
	said, err := said(resp.Bytes())
	switch {
	case err != nil:
		return "", fmt.Errorf("acknowledging %s: %w", called(a), err)
	case said.code != http.StatusOK:
		return "", fmt.Errorf("acknowledging %s: Icinga 2 says %s", called(a), cmp.Or(said.text, "nothing of it"))
	}
	return "acknowledged until its state changes", nil
}

// acknowledgement is the body of the request. Names are given beside the filter,
// which is a program: never within it. Without author or comment Icinga 2 refuses.
func acknowledgement(a monitor.Acknowledgement) map[string]any {
	kind, filter, vars := "Host", "host.name==host_name", map[string]string{"host_name": a.Host}
	if a.Name != "" {
		kind, filter = "Service", "host.name==host_name && service.name==service_name"
		vars["service_name"] = a.Name
	}
	return map[string]any{
		"type": kind, "filter": filter, "filter_vars": vars, "sticky": false, "notify": false,
		"author":  cmp.Or(monitor.Clean(a.Author, monitor.MaxName), "dotm"),
		"comment": cmp.Or(monitor.Clean(a.Comment, monitor.MaxOutput), "acknowledged from dotm"),
	}
}

// called is how people call it.
func called(a monitor.Acknowledgement) string {
	if a.Name == "" {
		return a.Host
	}
	return a.Name + " of " + a.Host
}

// saying is the first result of an action.
type saying struct {
	code int
	text string
	none bool // there was none
}

func said(body []byte, err error) (saying, error) {
	s := saying{none: true}
	if err != nil {
		return s, err
	}
	err = results(bytes.NewReader(body), func(j *monitor.JSON) error {
		var one struct {
			Code   float64
			Status string
		}
		err := j.Decode(&one)
		if s.none {
			s = saying{code: int(one.Code), text: monitor.Clean(one.Status, 200)}
		}
		return err
	})
	return s, err
}

// refused says why an acknowledgement is refused: 409 if there is one or no problem,
// 500 without a result if there is no such object, 404 without the right to.
func refused(a monitor.Acknowledgement, err error) (string, error) {
	e, ok := errors.AsType[*monitor.StatusError](err)
	if !ok {
		return "", err
	}
	if e.Status == http.StatusNotFound {
		return "", &monitor.Error{Reason: monitor.NoRight, Text: "the login may not acknowledge " + called(a), Hint: grant("actions/acknowledge-problem")}
	}
	said, broken := said(e.Body, nil)
	switch {
	case broken != nil:
		return "", err
	case strings.Contains(said.text, "already acknowledged"):
		return "is acknowledged already", nil
	case e.Status == http.StatusConflict:
		return "", fmt.Errorf("acknowledging %s: it is no problem any more: %s", called(a), said.text)
	case said.none:
		return "", fmt.Errorf("acknowledging %s: Icinga 2 does not know it any more, or the login may not see it", called(a))
	}
	return "", fmt.Errorf("acknowledging %s: Icinga 2 says %s", called(a), said.text)
}
