// Package nagios reads Nagios Core 4: by its JSON CGIs, or by the files status.dat
// and objects.cache, which Icinga 1, Naemon and Icinga 2's feature statusdata
// write too.
package nagios

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
)

// oldAfter is how old its data may be before a Nagios counts as hung. It writes
// them every 10 seconds (status_update_interval).
const oldAfter = time.Minute

// Source is one Nagios.
type Source struct {
	acknowledge bool
	from        access
}

// access is a way to a Nagios.
type access interface {
	// read reads all; what it has in common with other ways is put into b.
	read(ctx context.Context, b *builder) error
	// acknowledge gives a command, and says where.
	acknowledge(ctx context.Context, a *ack) (where string, err error)
}

var (
	_ monitor.Source       = (*Source)(nil)
	_ monitor.Acknowledger = (*Source)(nil)
)

// New makes a source. Its URL is http or https, of the CGIs or of the pages they
// belong to (http://host/nagios4); or file: the folder of status.dat, or the file
// itself. Then "?objects=PATH" says where objects.cache is and "?commands=PATH"
// where the command pipe, if they are in no usual place. What is wrong with the
// options is a [*monitor.OptionError].
func New(opt monitor.Options) (*Source, error) {
	u, err := url.Parse(opt.URL)
	if err != nil {
		return nil, &monitor.OptionError{Field: "url", Rule: "must be a URL", Value: opt.URL}
	}
	s := &Source{acknowledge: opt.Acknowledge}
	switch u.Scheme {
	case "file":
		s.from, err = newFiles(opt, u)
	case "http", "https":
		s.from, err = newWeb(opt)
	default:
		err = &monitor.OptionError{Field: "url", Rule: "must begin with http, https or file", Value: u.Redacted()}
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Read asks for all hosts and services. The objects' configuration is read again
// only after Nagios was started again.
func (s *Source) Read(ctx context.Context) (*monitor.Reading, error) {
	b := &builder{r: &monitor.Reading{}}
	if err := s.from.read(ctx, b); err != nil {
		return nil, err
	}
	return b.finish()
}

// Acknowledges says what Acknowledge does.
func (*Source) Acknowledges() string { return "acknowledges the problem in Nagios" }

// Acknowledge has Nagios send no more notifications about a problem until it is
// over, and tells its contacts (a sticky acknowledgement).
func (s *Source) Acknowledge(ctx context.Context, a monitor.Acknowledgement) (string, error) {
	if !s.acknowledge {
		return "", &monitor.Error{Reason: monitor.NoRight, Text: "this source may not acknowledge", Hint: "set acknowledge: true on it"}
	}
	ack, err := newAck(a)
	if err != nil {
		return "", err
	}
	where, err := s.from.acknowledge(ctx, ack)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("acknowledged in Nagios (%s), until it is over", where), nil
}

// tooOld is the error for data that are not brought up to date any more.
func tooOld(age time.Duration, since time.Time) error {
	return &monitor.Error{
		Reason: monitor.OldData,
		Text:   fmt.Sprintf("Nagios has not brought its data up to date for %s, since %s", age.Round(time.Second), since.UTC().Format("2006-01-02 15:04:05 UTC")),
		Hint:   "it hangs or was killed: look whether it runs, and into its log",
	}
}

func notRunning(text string) error {
	return &monitor.Error{Reason: monitor.NotRunning, Text: text, Hint: "start it, or look into its log"}
}
