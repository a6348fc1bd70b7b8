// Package audit is the form of the audit log: who changed what, from where, and
// what came of it. It holds no secret: what looks like one by its name is left
// out, and what is too long is cut.
package audit

import (
	"strings"
	"time"
	"unicode"
)

// Kind says what somebody is.
type Kind string

// Who can change something.
const (
	User   Kind = "user"   // a person who logged in, or tried to
	Token  Kind = "token"  // an API token
	Socket Kind = "socket" // a command on the server's own machine
	Agent  Kind = "agent"  // an enrolled agent or relay, or what enrols
	Nobody Kind = "nobody" // somebody on a server that needs no login
)

// Result says what came of it.
type Result string

// What can come of it.
const (
	Done    Result = "done"
	Refused Result = "refused" // it may not be, or is not valid
	Failed  Result = "failed"  // the server could not
)

// Entry is one line of the log.
type Entry struct {
	At   time.Time `json:"at" doc:"UTC, to the millisecond"`
	Kind Kind      `json:"kind" enum:"user,token,socket,agent,nobody" doc:"what changed something"`
	Who  string    `json:"who,omitempty" doc:"the user, the name of the token, the agent's host"`
	How  string    `json:"how,omitempty" doc:"how a user logged in: password, htpasswd, oidc or proxy"`
	Role string    `json:"role,omitempty" doc:"what they might do then"`
	From string    `json:"from,omitempty" doc:"the address"`
	Via  string    `json:"via,omitempty" doc:"the relay between"`
	// What is the operation, as the API's description names it.
	What    string   `json:"what" doc:"the operation, as this description names it: change-settings, login, …"`
	On      string   `json:"on,omitempty" doc:"what was changed: the name of a user, a source, a node, …"`
	Changes []Change `json:"changes,omitempty"`
	Result  Result   `json:"result" enum:"done,refused,failed"`
	Status  int      `json:"status,omitempty" doc:"of the answer, as in HTTP"`
	Why     string   `json:"why,omitempty" doc:"why it was refused or failed"`
}

// Change is one thing that was one way before and is another way after.
type Change struct {
	Field  string `json:"field"`
	Before string `json:"before,omitempty" doc:"JSON; empty where there was nothing"`
	After  string `json:"after,omitempty" doc:"JSON; empty where there is nothing"`
}

// Limits of an entry.
const (
	MaxChanges = 50
	MaxValue   = 500 // bytes of one value, or of a reason
	MaxName    = 255 // bytes of a name
)

// Clean makes an entry fit to be kept: within the limits, without control
// characters, and with its time in UTC.
func (e Entry) Clean() Entry {
	e.At = e.At.UTC().Truncate(time.Millisecond)
	for _, f := range []*string{&e.Who, &e.How, &e.Role, &e.From, &e.Via, &e.What, &e.On} {
		*f = cut(*f, MaxName)
	}
	e.Why = cut(e.Why, MaxValue)
	if len(e.Changes) > MaxChanges {
		e.Changes = append(e.Changes[:MaxChanges:MaxChanges], Change{Field: "…"})
	}
	return e
}

// cut bounds a text, and leaves out what a terminal might obey.
func cut(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-len("…")], "") + "…"
}

// Filter says which entries are asked for. Empty fields let all through.
type Filter struct {
	Who    string // in any case
	What   string
	On     string
	Result Result
	Find   string // words, in any case, that all stand somewhere in it
}

// Lets reports whether an entry is asked for.
func (f *Filter) Lets(e *Entry) bool {
	switch {
	case f.Who != "" && !strings.EqualFold(f.Who, e.Who),
		f.What != "" && f.What != e.What,
		f.On != "" && f.On != e.On,
		f.Result != "" && f.Result != e.Result:
		return false
	}
	if f.Find == "" {
		return true
	}
	text := strings.ToLower(e.text())
	for word := range strings.FieldsSeq(strings.ToLower(f.Find)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// text is all that is searched.
func (e *Entry) text() string {
	var b strings.Builder
	for _, part := range []string{string(e.Kind), e.Who, e.How, e.Role, e.From, e.Via, e.What, e.On, string(e.Result), e.Why} {
		b.WriteString(part + "\n")
	}
	for _, c := range e.Changes {
		b.WriteString(c.Field + "\n" + c.Before + "\n" + c.After + "\n")
	}
	return b.String()
}
