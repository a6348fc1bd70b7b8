package read_test

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/view"
)

func TestMoment(t *testing.T) {
	for text, want := range map[string]time.Time{
		"-1h":                       shop.Noon.Add(-time.Hour),
		"-90s":                      shop.Noon.Add(-90 * time.Second),
		"2026-01-31T12:00:00+01:00": time.Date(2026, 1, 31, 11, 0, 0, 0, time.UTC),
	} {
		if got, err := read.Moment("at", text, shop.Noon); err != nil || !got.Equal(want) {
			t.Errorf("%s: %s %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "1h", "+1h", "yesterday", "2026-01-31", "-"} {
		if at, err := read.Moment("at", text, shop.Noon); err == nil {
			t.Errorf("%q is %s", text, at)
		}
	}
}

func TestSpan(t *testing.T) {
	for name, tt := range map[string]struct {
		in         read.Range
		began, end time.Duration // before noon
		wrong      string
	}{
		"none":           {read.Range{}, 24 * time.Hour, 0, ""},
		"a start":        {read.Range{From: "-2h"}, 2 * time.Hour, 0, ""},
		"an end":         {read.Range{To: "-2h"}, 26 * time.Hour, 2 * time.Hour, ""},
		"both":           {read.Range{From: "-3h", To: "-2h"}, 3 * time.Hour, 2 * time.Hour, ""},
		"nothing within": {read.Range{From: "-2h", To: "-2h"}, 0, 0, "from must be before to"},
		"backwards":      {read.Range{From: "-1h", To: "-2h"}, 0, 0, "from must be before to"},
		"no time":        {read.Range{To: "soon"}, 0, 0, "to must be a time"},
	} {
		from, to, err := tt.in.Span(shop.Noon, 24*time.Hour)
		if tt.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("%s: %v, want %s", name, err, tt.wrong)
			}
			continue
		}
		if err != nil || !from.Equal(shop.Noon.Add(-tt.began)) || !to.Equal(shop.Noon.Add(-tt.end)) {
			t.Errorf("%s: %s to %s, %v", name, from, to, err)
		}
	}
}

// Tags are compared weakly (RFC 9110, 13.1.2): a proxy may strengthen or list them.
func TestHolds(t *testing.T) {
	for match, want := range map[string]bool{
		`W/"e-7"`: true, `"e-7"`: true, `W/"e-6", W/"e-7"`: true, `"x" ,"e-7"`: true, `*`: true,
		``: false, `e-7`: false, `W/"e-77"`: false, `W/"e"`: false,
	} {
		if got := (&read.Params{Match: match}).Holds("e-7"); got != want {
			t.Errorf("%s: %v", match, got)
		}
	}
	if !(&read.Params{Match: read.ETag("e-7")}).Holds("e-7") {
		t.Error("our own tag is not known")
	}
}

func TestParse(t *testing.T) {
	for name, tt := range map[string]struct {
		level, hide, expand string
		want                view.Question
		wrong               string
	}{
		"nothing asked":       {want: view.Question{Level: view.LevelService, Hide: view.HideAll(view.HideIgnored, view.HideInfrastructure, view.HideObservers)}},
		"nothing hidden":      {level: "node", hide: "none", want: view.Question{Level: view.LevelNode}},
		"in any order":        {hide: "old,ignored,old", want: view.Question{Level: view.LevelService, Hide: view.HideAll(view.HideIgnored, view.HideOld)}},
		"pools as nodes":      {level: "pool", hide: "none", expand: "b,a", want: view.Question{Level: view.LevelPool, Expand: view.ExpandAll("a", "b")}},
		"another level":       {level: "hosts", wrong: "level must be one of service, node, pool, group"},
		"hides what":          {hide: "old,new", wrong: "hide must be none or a list of"},
		"no pools to expand":  {level: "node", expand: "a", wrong: "expand must be a list of at most 100 pools, on level pool"},
		"too many are opened": {level: "pool", expand: strings.Repeat("a,", 100), wrong: "expand must be a list of at most 100"},
	} {
		got, wrong := read.Parse(tt.level, tt.hide, tt.expand, read.HideDefault)
		if tt.wrong != "" {
			if wrong == nil || !strings.Contains(wrong.Detail, tt.wrong) {
				t.Errorf("%s: %v, want %s", name, wrong, tt.wrong)
			}
			continue
		}
		if wrong != nil || got != tt.want {
			t.Errorf("%s: %+v %v, want %+v", name, got, wrong, tt.want)
		}
	}
}

func TestFilter(t *testing.T) {
	for query, want := range map[string]view.Filter{
		"":                           {},
		"focus=db":                   {Around: view.Around{Focus: "db", Hops: 1}},
		"focus=db&hops=0":            {Around: view.Around{Focus: "db"}},
		"trouble=true&hops=4":        {Around: view.Around{Hops: 4}, Trouble: true},
		"name=%20web%20&trouble=":    {Name: "web"},
		"text=%20a%09%20b&group=g~1": {Text: "a b", Group: "g~1"},
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		got, wrong := read.NearOf(q).Filter()
		if wrong != nil {
			t.Errorf("%s: %s", query, wrong.Detail)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	for query, want := range map[string]string{
		"hops=1":                                "hops needs a focus, or trouble",
		"focus=db&hops=5":                       "hops must be a number from 0 to 4",
		"focus=db&hops=-1":                      "hops must be a number from 0 to 4",
		"trouble=1":                             "trouble must be true or false",
		"process=" + strings.Repeat("x", 601):   "process must have at most 600 bytes",
		"text=" + strings.Repeat("%C3%A4", 301): "text must have at most 600 bytes",
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if _, wrong := read.NearOf(q).Filter(); wrong == nil || !strings.Contains(wrong.Detail, want) {
			t.Errorf("%.40s: %v, want %s", query, wrong, want)
		}
	}
}

// What is wrong with a moment is told to who asked for it; what is wrong with the history
// stands in the log.
func TestWrong(t *testing.T) {
	var log strings.Builder
	m := &read.Moments{Log: slog.New(slog.NewTextHandler(&log, nil))}
	for _, tt := range []struct {
		err    error
		status int
		said   string
	}{
		{history.ErrBefore, 404, "GET /api/v1/history says since when"},
		{history.ErrFuture, 422, "at must not lie in the future"},
		{errors.New("disk is on fire"), 503, "the live chart is not affected"},
		{context.DeadlineExceeded, 503, "the live chart is not affected"},
	} {
		var got huma.StatusError
		if err := m.Wrong("at", "-1h", tt.err); !errors.As(err, &got) || got.GetStatus() != tt.status || !strings.Contains(err.Error(), tt.said) {
			t.Errorf("%v: %v", tt.err, err)
		}
	}
	if err := m.Wrong("at", "-1h", nil); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "disk is on fire") || strings.Contains(log.String(), history.ErrBefore.Error()) {
		t.Errorf("log: %s", &log)
	}
}
