package icinga2

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
)

// maxLine is the most bytes of one event; a longer one is left out, and all is read
// again.
const maxLine = 1 << 20

// Watch follows the event stream. Icinga 2 tells nothing twice, and nothing of what
// changes only because something else did: who watches also has to read every now
// and then. There is no sign of life either, a stream is lost when reading fails.
func (s *Source) Watch(ctx context.Context, ready func(), tell func(checks []mapping.Check)) error {
	ctx, cancel := context.WithCancel(ctx)
	me, err := s.login(ctx)
	if err != nil {
		cancel()
		return err
	}
	resp, err := s.subscribe(ctx, me)
	if err != nil {
		cancel()
		return err
	}
	defer resp.Close()
	defer cancel() // first: what would come of the stream is not waited for
	ready()
	return s.follow(ctx, resp.Body, tell)
}

// subscribe opens the stream with the events that the login may see: with one that
// it may not, Icinga 2 answers as if there was no stream at all.
func (s *Source) subscribe(ctx context.Context, me *login) (*monitor.Response, error) {
	if !me.may("events/StateChange") {
		return nil, me.lacks("events", "events/StateChange")
	}
	var types []string
	for _, t := range eventTypes(me) {
		if me.may("events/" + t) {
			types = append(types, t)
		}
	}
	body, err := json.Marshal(map[string]any{"queue": "dotm-" + rand.Text(), "types": types})
	if err != nil {
		return nil, fmt.Errorf("asking for events: %w", err)
	}
	return s.client.Do(ctx, &monitor.Request{
		Method: http.MethodPost, Path: "/v1/events", Body: body,
		Max:  math.MaxInt64, // it has no end
		HTML: true,          // its first byte may come in an hour: it can't be looked at now
	})
}

// follow takes one event after the other until the stream ends. What comes at once
// is told at once.
func (s *Source) follow(ctx context.Context, stream io.Reader, tell func([]mapping.Check)) error {
	lines := bufio.NewReaderSize(stream, 64<<10)
	news := newNews()
	for {
		line, tooLong, err := readLine(lines)
		switch {
		case errors.Is(err, io.EOF):
			return &monitor.Error{Reason: monitor.NoConnection, Text: "Icinga 2 ended the event stream", Hint: "it was stopped, or reloads its configuration"}
		case err != nil:
			return err
		case tooLong:
			news.again = true
		case len(line) > 0:
			if err := s.hear(line, news); err != nil {
				return err
			}
		}
		if lines.Buffered() == 0 {
			news.tell(tell)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// hear applies one event to what is known.
func (s *Source) hear(line []byte, news *news) error {
	e, err := parseEvent(line)
	if err != nil {
		return &monitor.Error{Reason: monitor.NotIt, Text: "an event is broken", Hint: "look into the log of Icinga 2", Err: errors.New(monitor.Clean(err.Error(), 200))}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy && len(s.since) < maxSince {
		s.since = append(s.since, *e)
	}
	if e.ObjectType == "Dependency" {
		s.stale = true
	}
	changed, again := s.last.apply(e)
	news.again = news.again || again
	for _, h := range changed {
		news.add(*h.check)
	}
	return nil
}

// maxSince is the most events that are kept while a read goes on; what is behind
// is found by the next one.
const maxSince = 100_000

// news are checks that are to be told, each once.
type news struct {
	checks []mapping.Check
	index  map[key]int
	again  bool // everything is to be read
}

func newNews() *news { return &news{index: map[key]int{}} }

func (n *news) add(c mapping.Check) {
	k := key{c.Host, c.Name}
	if i, ok := n.index[k]; ok {
		n.checks[i] = c
		return
	}
	n.index[k] = len(n.checks)
	n.checks = append(n.checks, c)
}

// tell tells what there is, and forgets it.
func (n *news) tell(tell func([]mapping.Check)) {
	if len(n.checks) > 0 {
		tell(n.checks)
	}
	if n.again {
		tell(nil)
	}
	if len(n.checks) > 0 || n.again {
		*n = *newNews()
	}
}

// readLine reads a line without its end. One that is longer than [maxLine] is read
// past.
func readLine(r *bufio.Reader) (line []byte, tooLong bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			tooLong, line = true, nil
		} else if !tooLong {
			line = append(line, part...)
		}
		if err == nil {
			return trim(line), tooLong, nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, false, err
		}
	}
}

func trim(line []byte) []byte {
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	return line
}
