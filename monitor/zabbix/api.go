package zabbix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
)

// page is the only page of the API.
const page = "api_jsonrpc.php"

// api asks one Zabbix. It logs in where there is a user, and again when the session
// has ended. Several may ask at once.
type api struct {
	client         *monitor.Client
	places         []string // where the API may be, as URLs
	user, password string
	now            func() time.Time

	mu      sync.Mutex
	place   string  // where it is; empty if that is not known
	version version // of what answers there; good if place is
	session string  // of the user; empty if there is none
}

// version is the API's: 6.0 is {6, 0}.
type version struct {
	major, minor int
	text         string
}

// from says whether it is a version or a later one.
func (v version) from(major, minor int) bool {
	return v.major > major || v.major == major && v.minor >= minor
}

func parseVersion(text string) (v version, ok bool) {
	v.text = monitor.Clean(text, 64)
	n, _ := fmt.Sscanf(v.text, "%d.%d", &v.major, &v.minor)
	return v, n == 2 && v.major >= 1 && v.major < 100
}

func newAPI(opt monitor.Options) (*api, error) {
	user, password := opt.User, opt.Password
	opt.User, opt.Password = "", "" // they are not for the web server
	client, err := monitor.NewClient(opt)
	if err != nil {
		return nil, err
	}
	return &api{client: client, places: places(client.Base()), user: user, password: password, now: time.Now}, nil
}

// places are where the API may be, by a URL that people know: that of it, of the
// frontend, of one of its pages, or of the host alone.
func places(u *url.URL) (list []string) {
	root := u.Scheme + "://" + u.Host
	path := strings.TrimRight(u.EscapedPath(), "/")
	if i := strings.LastIndexByte(path, '/'); i >= 0 && strings.HasSuffix(path, ".php") {
		if path[i+1:] == page {
			return []string{root + path}
		}
		path = path[:i]
	}
	for _, folder := range []string{path, path + "/zabbix", path + "/ui", ""} {
		if one := root + folder + "/" + page; !slices.Contains(list, one) {
			list = append(list, one)
		}
	}
	return list
}

// frontend is the folder of the pages, without a slash at its end, by the URL of one
// of them.
func frontend(link string) string {
	u, err := url.Parse(link)
	if err != nil || u.Host == "" {
		return ""
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	if i := strings.LastIndexByte(path, '/'); i >= 0 && strings.HasSuffix(path, ".php") {
		path = path[:i]
	}
	return u.Scheme + "://" + u.Host + path
}

// forget has the API be looked for again.
func (a *api) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.place = ""
}

// known is what is known of the API.
func (a *api) known() (place string, v version, session string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.place, a.version, a.session
}

// speaks is the version of what answers.
func (a *api) speaks() version {
	_, v, _ := a.known()
	return v
}

// locate finds the API and its version, if that is not known. The version is asked
// for without a login.
func (a *api) locate(ctx context.Context) error {
	if place, _, _ := a.known(); place != "" {
		return nil
	}
	var first error
	for _, place := range a.places {
		v, err := a.ask(ctx, place)
		switch {
		case err == nil:
			a.mu.Lock()
			defer a.mu.Unlock()
			a.place, a.version = place, v
			return nil
		case !elsewhere(err):
			return err
		case first == nil || absent(first) && !absent(err):
			first = err
		}
	}
	if absent(first) {
		return &monitor.Error{
			Reason: monitor.NotThere, Text: "there is no " + page + " at " + monitor.Clean(strings.Join(a.places, ", nor at "), 500),
			Hint: "set url to that of Zabbix' frontend", Err: errors.Unwrap(first),
		}
	}
	return first
}

// ask asks a place for its version.
func (a *api) ask(ctx context.Context, place string) (v version, err error) {
	var text string
	q := query{method: "apiinfo.version", params: []string{}, result: func(j *monitor.JSON) error { return j.Decode(&text) }}
	if _, err := a.post(ctx, place, &q, "", v); err != nil {
		return v, err
	}
	v, ok := parseVersion(text)
	if !ok {
		return v, notZabbix("what answers there says no version that a Zabbix has")
	}
	return v, nil
}

// elsewhere says whether the API may be at another place.
func elsewhere(err error) bool {
	reason := monitor.ReasonOf(err)
	return absent(err) || reason == monitor.NotIt
}

// absent says whether a page just isn't there.
func absent(err error) bool {
	s, ok := errors.AsType[*monitor.StatusError](err)
	return ok && monitor.ReasonOf(err) == monitor.NotThere && s.Status >= 400
}

// query is one call.
type query struct {
	method string
	params any
	// result reads what is answered; nil if that is of no interest.
	result func(j *monitor.JSON) error
}

// list is a query for a list; each has to read one element.
func list(method string, params map[string]any, each func(j *monitor.JSON) error) *query {
	return &query{method, params, func(j *monitor.JSON) error { return j.Array(func() error { return each(j) }) }}
}

// call asks as the login, and logs in before if need be. at is when it was answered,
// by the server's clock.
func (a *api) call(ctx context.Context, q *query) (at time.Time, err error) {
	for try := 0; ; try++ {
		place, v, session := a.known()
		secret := a.password
		if a.user != "" {
			if session == "" {
				if session, err = a.login(ctx, place, v); err != nil {
					return at, err
				}
			}
			secret = session
		}
		at, err = a.post(ctx, place, q, secret, v)
		if e, ok := errors.AsType[*refusal](err); !ok || !e.ended || a.user == "" || try > 0 {
			return at, err
		}
		a.lose(session)
	}
}

// lose forgets a session that has ended.
func (a *api) lose(session string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.session == session {
		a.session = ""
	}
}

// login begins a session.
func (a *api) login(ctx context.Context, place string, v version) (session string, err error) {
	name := "username"
	if !v.from(5, 4) {
		name = "user"
	}
	q := query{method: "user.login", params: map[string]string{name: a.user, "password": a.password}, result: func(j *monitor.JSON) error { return j.Decode(&session) }}
	if _, err := a.post(ctx, place, &q, "", v); err != nil {
		return "", err
	}
	if session == "" {
		return "", notZabbix("it begins no session for the user")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.session = session
	return session, nil
}

// logout ends the session.
func (a *api) logout(ctx context.Context) error {
	place, v, session := a.known()
	a.lose(session)
	if session == "" || place == "" {
		return nil
	}
	_, err := a.post(ctx, place, &query{method: "user.logout", params: []string{}}, session, v)
	return err
}

// post sends a query. The secret is a token or a session; since 6.4 it belongs into a
// header, and 7.2 takes it nowhere else.
func (a *api) post(ctx context.Context, place string, q *query, secret string, v version) (at time.Time, err error) {
	body := map[string]any{"jsonrpc": "2.0", "method": q.method, "params": q.params, "id": 1}
	header := http.Header{"Content-Type": {"application/json-rpc"}}
	switch {
	case secret == "":
	case v.from(6, 4):
		header.Set("Authorization", "Bearer "+secret)
	default:
		body["auth"] = secret
	}
	text, err := json.Marshal(body)
	if err != nil {
		return at, fmt.Errorf("asking for %s: %w", q.method, err)
	}
	resp, err := a.client.Post(ctx, place, header, text)
	if err != nil {
		return at, tooMuch(q.method, err)
	}
	defer resp.Close()
	if at, err = http.ParseTime(resp.Header.Get("Date")); err != nil {
		at = a.now()
	}
	err = parse(resp.Body, q)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		err = monitor.Lost(ctx, a.client.Base().Host, ctx.Err()) // whatever half an answer looks like
	}
	return at, err
}

// tooMuch says what a failure of the frontend most likely means: PHP ends with status
// 500 and without a word where its memory or its time is not enough.
func tooMuch(method string, err error) error {
	s, ok := errors.AsType[*monitor.StatusError](err)
	if !ok || s.Status != http.StatusInternalServerError {
		return err
	}
	return &monitor.Error{
		Reason: monitor.NotIt, Text: "Zabbix' frontend fails at " + method,
		Hint: "look into the log of PHP: its memory_limit or max_execution_time may be too small", Err: s,
	}
}

// parse reads an answer. Errors come with HTTP status 200.
func parse(body io.Reader, q *query) error {
	var (
		answered bool
		refused  error
	)
	j := monitor.NewJSON(body)
	err := j.Object(func(key string) error {
		switch {
		case key == "result" && q.result != nil && !answered:
			answered = true
			return q.result(j)
		case key == "result":
			answered = true
		case key == "error":
			var e rpcError
			if err := j.Decode(&e); err != nil {
				return err
			}
			refused = e.refusal(q.method)
			return nil
		}
		return j.Skip()
	})
	switch {
	case errors.Is(err, io.EOF):
		return &monitor.Error{Reason: monitor.NotIt, Text: "Zabbix' frontend answers nothing to " + q.method, Hint: "look into the log of PHP and of its web server"}
	case err != nil:
		return err
	case refused != nil:
		return refused
	case !answered:
		return notZabbix("the answer is not that of Zabbix' API")
	}
	return nil
}

// rpcError is how a call is refused.
type rpcError struct {
	Message any
	Data    any
}

// refusal is the cause in a [*monitor.Error] where Zabbix refuses a call.
type refusal struct {
	text  string // of Zabbix
	ended bool   // the session is over, or the token is none
}

func (r *refusal) Error() string { return r.text }

// words are what Zabbix says where a call is refused, and what that means. It says so
// in words only: the codes tell nothing apart.
var words = []struct {
	says   string // in small letters
	reason monitor.Reason
	ended  bool
	text   string
	hint   string
}{
	{"token expired", monitor.NoLogin, false, "Zabbix says that the API token has expired", "make a new one in Zabbix (Users, API tokens), and set password to it"},
	{"re-login", monitor.NoLogin, true, "Zabbix does not know the login", "check the API token in password, or user and password"},
	{"not authori", monitor.NoLogin, true, "Zabbix does not know the login", "check the API token in password, or user and password; without a user the password is a token"},
	{"incorrect user name or password", monitor.NoLogin, false, "Zabbix refuses user and password", "check them; after five wrong ones Zabbix blocks a user for 30 seconds"},
	{"login name or password is incorrect", monitor.NoLogin, false, "Zabbix refuses user and password", "check them; after five wrong ones Zabbix blocks a user for 30 seconds"},
	{"no permissions for system access", monitor.NoLogin, false, "Zabbix lets the user not in", "let its user group have access to the frontend, and its role to the API"},
	{"access is disabled", monitor.NoLogin, false, "Zabbix lets the user not in", "let its user group have access to the frontend, and its role to the API"},
	{"no permissions to call", monitor.NoRight, false, "the login may not ask for all that is read", "let its role in Zabbix have access to the API, with the methods that docs/monitoring.md names"},
	{"permission", monitor.NoRight, false, "the login may not do that", "give its role in Zabbix the right to, see docs/monitoring.md"},
	{"connecting to database", monitor.NotRunning, false, "Zabbix' frontend does not reach its database", "look whether the database runs"},
	{"database is down", monitor.NotRunning, false, "Zabbix' frontend does not reach its database", "look whether the database runs"},
}

// refusal words an error.
func (e *rpcError) refusal(method string) error {
	said := monitor.Clean(strings.TrimSpace(wording(e.Message)+" "+wording(e.Data)), 300)
	low := strings.ToLower(said)
	for _, w := range words {
		if strings.Contains(low, w.says) {
			return &monitor.Error{Reason: w.reason, Text: w.text, Hint: w.hint, Err: &refusal{method + ": " + said, w.ended}}
		}
	}
	return &monitor.Error{Reason: monitor.NotIt, Text: "Zabbix refuses " + method, Hint: "look into the log of its web server", Err: &refusal{said, false}}
}

func wording(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return ""
}
