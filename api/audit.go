package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/audit"
	"github.com/devops-trouble-map/dotm/auth"
)

// Auditing keeps who changed what.
type Auditing interface {
	// Note appends an entry.
	Note(ctx context.Context, e audit.Entry) error
	// AuditLog are the entries of a range that a filter lets through, the newest
	// first, at most limit; more says that there are older ones.
	AuditLog(ctx context.Context, from, to time.Time, f audit.Filter, limit int) (entries []audit.Entry, more bool, err error)
}

// AuditParams narrow the log.
type AuditParams struct {
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

// auditLog registers the reading of the log.
func (h *handler) auditLog(a huma.API) {
	huma.Register(a, read("audit", "/audit", "Who changed what, from where, and what came of it", http.StatusUnprocessableEntity), h.readAudit)
}

func (h *handler) readAudit(ctx context.Context, p *AuditParams) (*AuditAnswer, error) {
	now := time.Now() // entries are of the real time, also where a past is shown
	from, to := time.Time{}, now.Add(time.Second)
	var problem *huma.ErrorModel
	if p.From != "" {
		if from, problem = parseMoment("from", p.From, now); problem != nil {
			return nil, problem
		}
	}
	if p.To != "" {
		if to, problem = parseMoment("to", p.To, now); problem != nil {
			return nil, problem
		}
	}
	f := audit.Filter{Who: p.Who, What: p.What, On: p.On, Result: p.Result, Find: p.Find}
	entries, more, err := h.Audit.AuditLog(ctx, from, to, f, p.Limit)
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

// changed notes what a request changes, for the audit log: on what, and how that
// was before and is after. It may be called before it is known whether that
// works: the entry says what came of it.
func changed(ctx context.Context, on string, before, after any) {
	if n := notingOf(ctx); n != nil {
		n.On = cmp.Or(on, n.On)
		n.Changes = append(n.Changes, audit.Changes(before, after)...)
	}
}

// tried notes that somebody tried to log in, and for whom they want to be taken; ""
// if nobody is called that.
func tried(ctx context.Context, user string) {
	if n := notingOf(ctx); n != nil {
		n.Kind, n.Who, n.judged = audit.User, user, true
	}
}

// failed notes what went wrong where the answer itself doesn't say it.
func failed(ctx context.Context, err error) {
	if n := notingOf(ctx); n != nil {
		n.Result, n.Why = audit.Refused, err.Error()
	}
}

// noted has what a request does written into the audit log, once it is answered.
func (h *handler) noted(w http.ResponseWriter, r *http.Request, c *caller, ru rule, next http.Handler) {
	n := &noting{Entry: c.entry(ru.what), judged: c.known() || c.token != ""}
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
		if n.judged && (c.known() || c.token != "" || h.crowd.lets(time.Now(), n)) {
			h.note(r.Context(), n.Entry, seen.status, cmp.Or(n.Why, seen.detail()))
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

// note writes an entry with what came of it. An attempt that was not judged, as
// there were too many, is none: who tries could fill the log with them.
func (h *handler) note(ctx context.Context, e audit.Entry, status int, why string) {
	if h.Audit == nil || status == http.StatusTooManyRequests {
		return
	}
	e.At, e.Status, e.Result = time.Now(), cmp.Or(status, http.StatusOK), cmp.Or(e.Result, audit.Done)
	switch {
	case status >= http.StatusInternalServerError:
		e.Result, e.Why = audit.Failed, why
	case status >= http.StatusBadRequest:
		e.Result, e.Why = audit.Refused, why
	}
	if err := h.Audit.Note(ctx, e); err != nil {
		h.Log.Error("audit log lacks an entry", "error", err, "what", e.What, "kind", e.Kind, "who", e.Who, "on", e.On, "from", e.From, "result", e.Result)
	}
}

// entry begins an entry about somebody.
func (c *caller) entry(what string) audit.Entry {
	e := audit.Entry{Kind: c.kind(), Who: c.name(), How: string(c.person.How), Role: string(c.role), Via: c.via, What: what}
	if c.agent != nil {
		e.Role = string(c.agent.Role)
	}
	if c.address.IsValid() {
		e.From = c.address.Unmap().String()
	}
	return e
}

// kind is what somebody is, for the audit log.
func (c *caller) kind() audit.Kind {
	switch {
	case c.local:
		return audit.Socket
	case c.agent != nil, c.token != "":
		return audit.Agent
	case c.api != nil:
		return audit.Token
	case c.person.User != "":
		return audit.User
	}
	return audit.Nobody
}

// name is what somebody is called; "" if nothing is known.
func (c *caller) name() string {
	switch {
	case c.agent != nil:
		return c.agent.Name
	case c.api != nil:
		return c.api.Name
	}
	return c.person.User
}

// known reports whether it is known who somebody is.
func (c *caller) known() bool { return c.agent != nil || c.role.May(auth.Viewer) }

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
