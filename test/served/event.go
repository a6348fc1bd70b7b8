package served

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/api"
)

// Event is one server-sent event.
type Event struct{ ID, Name, Data string }

// Events reads a stream to its end.
func Events(r *bufio.Scanner, yield func(Event) bool) {
	var e Event
	for r.Scan() {
		name, value, _ := strings.Cut(r.Text(), ": ")
		switch name {
		case "id":
			e.ID = value
		case "event":
			e.Name = value
		case "data":
			e.Data = value
		case "":
			if !yield(e) {
				return
			}
			e = Event{}
		}
	}
}

// Listen opens a stream; the function returned gives its next event.
func (s *Site) Listen(t testing.TB, query string, header ...string) (next func() Event) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+api.Prefix+"/stream"+query, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || got != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	scanner := bufio.NewScanner(resp.Body)
	scanner.Buffer(nil, 1<<20)
	return func() (out Event) {
		Events(scanner, func(e Event) bool { out = e; return false })
		return out
	}
}
