// Package journal keeps who changed what: what requests say of themselves, and what came
// of them, becomes an entry of the audit log.
package journal

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/audit"
)

// Keeper keeps who changed what.
type Keeper interface {
	// Note appends an entry.
	Note(ctx context.Context, e audit.Entry) error
	// AuditLog are the entries of a range that a filter lets through, the newest
	// first, at most limit; more says that there are older ones.
	AuditLog(ctx context.Context, from, to time.Time, f audit.Filter, limit int) (entries []audit.Entry, more bool, err error)
}

// Params narrow the log.
type Params struct {
	From   string       `query:"from" doc:"RFC 3339, or a duration ago like -24h; empty is all that is kept"`
	To     string       `query:"to" doc:"RFC 3339, or a duration ago; empty is now"`
	Who    string       `query:"who" maxLength:"255"`
	What   string       `query:"what" maxLength:"255" doc:"the operation"`
	On     string       `query:"on" maxLength:"255" doc:"what was changed"`
	Result audit.Result `query:"result" enum:"done,refused,failed"`
	Find   string       `query:"find" maxLength:"200" doc:"words, in any case, that all stand in it"`
	Limit  int          `query:"limit" minimum:"1" maximum:"5000" default:"200"`
}

// AuditAnswer is the answer of GET /audit.
type AuditAnswer struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Entries []audit.Entry `json:"entries" doc:"the newest first"`
		More    bool          `json:"more,omitempty" doc:"there are older ones than the limit lets through"`
	}
}

// Journal writes the log. Keeper may be nil: then nothing is kept.
type Journal struct {
	Keeper Keeper
	Log    *slog.Logger
	crowd  crowd
}

// Register adds the reading of the log.
func (j *Journal) Register(a huma.API) {
	huma.Register(a, read.Op("audit", "/audit", "Who changed what, from where, and what came of it", http.StatusUnprocessableEntity), j.read)
}

func (j *Journal) read(ctx context.Context, p *Params) (*AuditAnswer, error) {
	now := time.Now() // entries are of the real time, also where a past is shown
	from, to := time.Time{}, now.Add(time.Second)
	var err error
	if p.From != "" {
		if from, err = read.Moment("from", p.From, now); err != nil {
			return nil, err
		}
	}
	if p.To != "" {
		if to, err = read.Moment("to", p.To, now); err != nil {
			return nil, err
		}
	}
	f := audit.Filter{Who: p.Who, What: p.What, On: p.On, Result: p.Result, Find: p.Find}
	entries, more, err := j.Keeper.AuditLog(ctx, from, to, f, p.Limit)
	if err != nil {
		return nil, huma.Error503ServiceUnavailable(err.Error())
	}
	out := &AuditAnswer{CacheControl: "no-store"}
	if out.Body.Entries = entries; entries == nil {
		out.Body.Entries = []audit.Entry{}
	}
	out.Body.More = more
	return out, nil
}

type entryKey struct{}

// noting is the entry that will be written of a request.
type noting struct {
	audit.Entry
	// judged says that it is to be written although nobody knows who asks: somebody
	// tried to log in.
	judged bool
}

// notingOf is what will be written of a request; nil if nothing will.
func notingOf(ctx context.Context) *noting {
	n, _ := ctx.Value(entryKey{}).(*noting)
	return n
}

// Changed notes what a request changes, for the audit log: on what, and how that
// was before and is after. It may be called before it is known whether that
// works: the entry says what came of it.
func Changed(ctx context.Context, on string, before, after any) {
	if n := notingOf(ctx); n != nil {
		n.On = cmp.Or(on, n.On)
		n.Changes = append(n.Changes, audit.Changes(before, after)...)
	}
}

// Tried notes that somebody tried to log in, and for whom they want to be taken; ""
// if nobody is called that.
func Tried(ctx context.Context, user string) {
	if n := notingOf(ctx); n != nil {
		n.Kind, n.Who, n.judged = audit.User, user, true
	}
}

// Failed notes what went wrong where the answer itself doesn't say it.
func Failed(ctx context.Context, err error) {
	if n := notingOf(ctx); n != nil {
		n.Result, n.Why = audit.Refused, err.Error()
	}
}

// Noted has what a request does, which is called what, written into the audit log once it
// is answered.
func (j *Journal) Noted(w http.ResponseWriter, r *http.Request, c *caller.Caller, what string, next http.Handler) {
	n := &noting{Entry: c.Entry(what), judged: c.Known() || c.Token != ""}
	seen := &witness{ResponseWriter: w}
	r = r.WithContext(context.WithValue(r.Context(), entryKey{}, n))
	defer func() { // also where an answer is broken off
		broken := recover()
		for _, name := range []string{"name", "id", "level"} { // what the path names, unless more is known
			n.On = cmp.Or(n.On, r.PathValue(name))
		}
		if broken != nil && seen.status < http.StatusBadRequest {
			n.Why = "the answer was broken off"
			seen.status = http.StatusInternalServerError
		}
		if n.judged && (c.Known() || c.Token != "" || j.crowd.lets(time.Now(), n)) {
			j.Note(r.Context(), n.Entry, seen.status, cmp.Or(n.Why, seen.detail()))
		}
		if broken != nil {
			panic(broken)
		}
	}()
	next.ServeHTTP(seen, r)
}

// crowd bounds what strangers can have written into the log, who try to log in from
// very many addresses.
type crowd struct {
	mu      sync.Mutex
	since   time.Time
	n, left int // that were written since then, and not
}

// mostTries is how many entries a minute there may be of strangers.
const mostTries = 60

// lets reports whether another one may be written, and tells in it of those that
// were not.
func (c *crowd) lets(now time.Time, n *noting) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.since) >= time.Minute {
		c.since, c.n = now, 0
	}
	if c.n >= mostTries {
		c.left++
		return false
	}
	c.n++
	if c.left > 0 {
		n.Changes = append(n.Changes, audit.Change{Field: "left out before, as they were too many", After: strconv.Itoa(c.left)})
		c.left = 0
	}
	return true
}

// Note writes an entry with what came of it. An attempt that was not judged, as
// there were too many, is none: who tries could fill the log with them.
func (j *Journal) Note(ctx context.Context, e audit.Entry, status int, why string) {
	if j.Keeper == nil || status == http.StatusTooManyRequests {
		return
	}
	e.At, e.Status, e.Result = time.Now(), cmp.Or(status, http.StatusOK), cmp.Or(e.Result, audit.Done)
	switch {
	case status >= http.StatusInternalServerError:
		e.Result, e.Why = audit.Failed, why
	case status >= http.StatusBadRequest:
		e.Result, e.Why = audit.Refused, why
	}
	if err := j.Keeper.Note(ctx, e); err != nil {
		j.Log.Error("audit log lacks an entry", "error", err, "what", e.What, "kind", e.Kind, "who", e.Who, "on", e.On, "from", e.From, "result", e.Result)
	}
}

// maxWitness bounds what is read of an answer that says no.
const maxWitness = 4 << 10

// witness is an answer of which it is known what it says.
type witness struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer // the beginning, if it says no
}

// WriteHeader is part of [http.ResponseWriter].
func (w *witness) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write is part of [http.ResponseWriter].
func (w *witness) Write(p []byte) (int, error) {
	w.status = cmp.Or(w.status, http.StatusOK)
	if w.status >= http.StatusBadRequest {
		w.body.Write(p[:min(len(p), maxWitness-w.body.Len())])
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap is for [http.ResponseController].
func (w *witness) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// detail is why the answer says no.
func (w *witness) detail() string {
	var p struct{ Title, Detail string }
	_ = json.Unmarshal(w.body.Bytes(), &p)
	return cmp.Or(p.Detail, p.Title)
}
