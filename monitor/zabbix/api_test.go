package zabbix

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/monitor"
)

// fakeVersion is an empty Zabbix that is as strict as its version: about where the login
// stands, how its user is called, and what may be asked for.
func fakeVersion(t *testing.T, text string) *fake {
	t.Helper()
	f := empty(text)
	f.say("host.get", result(`[{"hostid":"1","host":"h","name":"h","groups":[{"name":"old"}],"hostgroups":[{"name":"new"}]}]`))
	v, _ := parseVersion(text)
	const login = "session-1"
	f.do = func(c *call) (string, bool) {
		header, body := strings.TrimPrefix(c.bearer, "Bearer "), ""
		if c.Auth != nil {
			body = *c.Auth
		}
		open := c.Method == "apiinfo.version" || c.Method == "user.login"
		switch {
		case c.Method == "user.login" && c.has(`"username"`) != v.from(5, 4):
			return refused(`Invalid parameter "/": the parameter "user" is missing.`), true
		case v.from(7, 2) && c.Auth != nil:
			return refused(`Invalid parameter "/": unexpected parameter "auth".`), true
		case open && header+body != "":
			return refused(`must be called without the "auth" parameter`), true
		case !v.from(6, 4) && header != "", !open && header+body != "token" && header+body != login:
			return refused("Not authorized."), true
		case c.has("selectGroups") && v.from(7, 2), c.has("active_available") && !v.from(6, 2), c.has(`"cause_eventid"`) && !v.from(6, 4),
			c.Method == "host.get" && c.has(`"available"`) && v.from(5, 4) && !c.has(`"interfaceid"`), c.Method == "hostinterface.get" && !v.from(5, 4), c.Method == "hanode.get" && !v.from(6, 0):
			return refused("that is not known"), true
		}
		return "", false
	}
	return f
}

// Each version is asked as it wants to be, by a token and by a user.
func TestVersions(t *testing.T) {
	for _, v := range []string{"5.0.42", "5.2.7", "5.4.12", "6.0.14", "6.2.9", "6.4.21", "7.0.0rc1", "7.2.1", "7.4.0"} {
		for _, user := range []string{"", "dotm"} {
			t.Run(v+user, func(t *testing.T) {
				f := fakeVersion(t, v)
				s := f.source(t, func(o *monitor.Options) { o.User = user })
				r := read(t, s)
				if r.Version != v || len(r.Hosts) != 1 {
					t.Errorf("%s: %+v", r.Version, r.Hosts)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				logins := slices.DeleteFunc(f.asked(), func(m string) bool { return !strings.HasPrefix(m, "user.") })
				if want := map[string][]string{"dotm": {"user.login", "user.logout"}, "": {}}[user]; !slices.Equal(logins, want) {
					t.Errorf("%q", logins)
				}
				read(t, s) // what was closed may be read again
			})
		}
	}
	for _, v := range []string{"", "Zabbix", "6", "1000.0"} {
		_, err := empty(v).source(t, nil).Read(within(t))
		if monitor.ReasonOf(err) != monitor.NotIt {
			t.Errorf("version %q: %v", v, err)
		}
	}
}

// A Zabbix that was upgraded meanwhile is asked as it wants to be, with the reading after
// the one that it refused.
func TestUpgrade(t *testing.T) {
	old := fakeVersion(t, "7.0.1")
	s := old.source(t, nil)
	read(t, s)
	fresh := fakeVersion(t, "7.2.0")
	old.mu.Lock()
	old.do, old.answers = fresh.do, fresh.answers
	old.mu.Unlock()
	if r := read(t, s); r.Version != "7.0.1" { // 7.0 sends the header already
		t.Errorf("%s", r.Version)
	}
	before := fakeVersion(t, "6.0.1")
	s = before.source(t, nil)
	read(t, s)
	before.mu.Lock()
	before.do, before.answers = fresh.do, fresh.answers
	before.mu.Unlock()
	if _, err := s.Read(within(t)); monitor.ReasonOf(err) != monitor.NotIt {
		t.Errorf("%v", err)
	}
	if r := read(t, s); r.Version != "7.2.0" {
		t.Errorf("%s", r.Version)
	}
}

// A session that ends is begun again once; a login that is refused is not tried twice.
func TestSessions(t *testing.T) {
	f := captured(t)
	s := f.source(t, func(o *monitor.Options) { o.User = "dotm" })
	read(t, s)
	f.asked()
	sessions := 1
	valid := "session-1"
	f.do = func(c *call) (string, bool) {
		switch {
		case c.Method == "user.login":
			sessions++
			valid = fmt.Sprint("session-", sessions)
			return result(`"` + valid + `"`), true
		case c.Auth != nil && *c.Auth != valid:
			return file(t, "error-session"), true
		}
		return "", false
	}
	valid = "none"
	read(t, s)
	if got := f.asked(); !slices.Equal(got[:3], []string{"problem.get", "user.login", "problem.get"}) || slices.Contains(got[3:], "user.login") {
		t.Errorf("%q", got)
	}
	f.do = func(c *call) (string, bool) {
		return file(t, "error-session"), c.Method != "user.login" && c.Method != "apiinfo.version"
	}
	if _, err := s.Read(within(t)); monitor.ReasonOf(err) != monitor.NoLogin {
		t.Errorf("%v", err)
	}
	if got := f.asked(); !slices.Equal(got, []string{"problem.get", "user.login", "problem.get"}) {
		t.Errorf("%q", got)
	}
	f.do = nil
	f.say("user.login", refused("Incorrect user name or password or account is temporarily blocked."))
	s = f.source(t, func(o *monitor.Options) { o.User = "dotm" })
	if _, err := s.Read(within(t)); monitor.ReasonOf(err) != monitor.NoLogin || !strings.Contains(err.Error(), "30 seconds") {
		t.Errorf("%v", err)
	}
	if got := f.asked(); !slices.Equal(got, []string{"apiinfo.version", "user.login"}) {
		t.Errorf("%q", got)
	}
}

// The API is found by what people know of it.
func TestPlaces(t *testing.T) {
	for _, tt := range []struct{ folder, url string }{
		{"", ""},
		{"", "/"},
		{"", "/index.php"},
		{"", "/zabbix.php?action=dashboard.view"},
		{"", "/api_jsonrpc.php"},
		{"/zabbix", ""},
		{"/zabbix", "/zabbix"},
		{"/zabbix", "/zabbix/"},
		{"/zabbix", "/zabbix/zabbix.php?action=problem.view"},
		{"/zabbix", "/zabbix/api_jsonrpc.php"},
		{"/mon/zabbix", "/mon"},
		{"/a b", "/a%20b/"},
	} {
		f := captured(t)
		f.folder = tt.folder
		s := f.source(t, func(o *monitor.Options) { o.URL = strings.TrimSuffix(o.URL, tt.folder) + tt.url; o.Link = "" })
		r, err := s.Read(within(t))
		if err != nil {
			t.Errorf("%s at %s: %v", tt.url, tt.folder, err)
			continue
		}
		if want := strings.ReplaceAll(tt.folder, " ", "%20") + "/zabbix.php?action=problem.view&filter_set=1&hostids%5B%5D="; !strings.Contains(r.Hosts[0].Link, want) {
			t.Errorf("%s at %s: %s", tt.url, tt.folder, r.Hosts[0].Link)
		}
	}
	f := captured(t)
	f.folder = "/elsewhere"
	_, err := f.source(t, func(o *monitor.Options) { o.URL = strings.TrimSuffix(o.URL, f.folder) + "/mon" }).Read(within(t))
	if monitor.ReasonOf(err) != monitor.NotThere || !strings.Contains(err.Error(), "/mon/api_jsonrpc.php, nor at") {
		t.Errorf("%v", err)
	}
	for _, url := range []string{"tcp://h", "file:///a", "h", ""} {
		if _, err := New(monitor.Options{URL: url}); err == nil {
			t.Errorf("%q is taken", url)
		}
	}
	if _, err := New(monitor.Options{URL: "http://h", Link: "javascript:alert(1)"}); err == nil {
		t.Error("a link that is none is taken")
	}
	if got := triggerPage("https://h/zabbix", version{major: 5, minor: 2}, 7); got != "https://h/zabbix/zabbix.php?action=problem.view&filter_set=1&triggerids%5B%5D=7&filter_triggerids%5B%5D=7" {
		t.Error(got)
	}
}

// Whatever goes wrong is said, with what to do; most of it comes with status 200.
func TestErrors(t *testing.T) {
	rpc := func(body string) func(*fake) { return func(f *fake) { f.say("host.get", body) } }
	web := func(status int, contentType, body string) func(*fake) {
		return func(f *fake) {
			f.http = func(w http.ResponseWriter, r *http.Request) bool {
				if r.ContentLength > 0 && contentType == "" {
					return false
				}
				w.Header().Set("Content-Type", contentType)
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
				return true
			}
		}
	}
	late := func(status int, body string) func(*fake) {
		return func(f *fake) {
			f.http = func(w http.ResponseWriter, r *http.Request) bool {
				if len(f.calls) == 0 {
					return false
				}
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
				return true
			}
		}
	}
	for name, tt := range map[string]struct {
		do     func(*fake)
		reason monitor.Reason
		says   string
	}{
		"not authorised":     {rpc(file(t, "error-not-authorised")), monitor.NoLogin, "API token"},
		"session is over":    {rpc(file(t, "error-session")), monitor.NoLogin, "API token"},
		"as 5.0 spells it":   {rpc(refused("Not authorised.")), monitor.NoLogin, "API token"},
		"an expired token":   {rpc(refused("API token expired.")), monitor.NoLogin, "expired"},
		"a deaf role":        {rpc(refused(`No permissions to call "host.get".`)), monitor.NoRight, "role"},
		"no right":           {rpc(refused("You do not have permission to perform this operation.")), monitor.NoRight, "role"},
		"no such method":     {rpc(`{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found.","data":"Incorrect API \"host\"."},"id":1}`), monitor.NotIt, `Method not found. Incorrect API "host".`},
		"no database":        {rpc(`{"jsonrpc":"2.0","error":{"code":1,"message":"Error connecting to database.","data":""},"id":1}`), monitor.NotRunning, "database"},
		"an odd error":       {rpc(`{"error":{"code":"x","message":{"a":1},"data":[2]}}`), monitor.NotIt, "refuses host.get"},
		"an error as text":   {rpc(`{"error":"x"}`), monitor.NotIt, "JSON"},
		"no error":           {rpc(`{"jsonrpc":"2.0","id":1}`), monitor.NotIt, "API"},
		"no answer":          {rpc(""), monitor.NotIt, "log of PHP"},
		"half an answer":     {rpc(`{"jsonrpc":"2.0","result":[{"hostid":"1"`), monitor.NotIt, "complete"},
		"a list":             {rpc(`[]`), monitor.NotIt, "JSON"},
		"another result":     {rpc(result(`"x"`)), monitor.NotIt, "JSON"},
		"a host of nothing":  {rpc(result(`[{}]`)), monitor.NotIt, "without a name"},
		"a wrong number":     {rpc(result(`[{"hostid":"x","host":"h"}]`)), monitor.NotIt, "no whole number"},
		"a page":             {web(200, "text/html", "<html><title>Zabbix: login</title>"), monitor.NotIt, "Zabbix: login"},
		"another program":    {web(200, "application/json", `{"status":"success","data":{}}`), monitor.NotIt, "API"},
		"a fatal error":      {web(200, "text/html", "<br />\n<b>Fatal error</b>:  Allowed memory size of 134217728 bytes exhausted (tried to allocate 20480 bytes) in <b>/usr/share/zabbix/include/db.inc.php</b> on line <b>5</b><br />"), monitor.NotIt, "Allowed memory size of 134217728 bytes exhausted"},
		"a warning":          {web(200, "application/json", "<br />\n<b>Warning</b>:  Undefined variable $x in <b>/x.php</b> on line <b>5</b><br />\n"+result("[]")), monitor.NotIt, "PHP"},
		"a login before it":  {web(401, "text/html", "<html>"), monitor.NoLogin, "wants a login"},
		"a closed door":      {web(403, "text/html", "<html>"), monitor.NoRight, "may not"},
		"a proxy":            {web(502, "text/html", "<html>"), monitor.NotRunning, "proxy"},
		"out of memory":      {late(500, ""), monitor.NotIt, "memory_limit"},
		"refused as a whole": {late(412, ""), monitor.NotIt, "fails"},
	} {
		t.Run(name, func(t *testing.T) {
			f := captured(t)
			tt.do(f)
			_, err := f.source(t, nil).Read(within(t))
			e, ok := errors.AsType[*monitor.Error](err)
			if !ok || e.Reason != tt.reason || e.Hint == "" || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%+v: %v", e, err)
			}
		})
	}
}

// An answer that never ends is given up, as one who asks is.
func TestGivesUp(t *testing.T) {
	f := captured(t)
	begun := make(chan struct{}, 1)
	f.http = func(w http.ResponseWriter, r *http.Request) bool {
		if len(f.calls) == 0 {
			return false
		}
		_, _ = io.WriteString(w, `{"result":[`)
		w.(http.Flusher).Flush()
		begun <- struct{}{}
		<-r.Context().Done()
		return true
	}
	s := f.source(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	if _, err := s.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	f.calls = nil
	ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := s.Read(ctx); monitor.ReasonOf(err) != monitor.TooSlow {
		t.Errorf("%v", err)
	}
}

// Who works in the background is told by the nodes, else by what Zabbix measures.
func TestAlive(t *testing.T) {
	node := func(status, seen int) string { return fmt.Sprintf(`{"lastaccess":"%d","status":"%d"}`, seen, status) }
	item := func(seen int, delay string) string { return fmt.Sprintf(`{"lastclock":"%d","delay":%q}`, seen, delay) }
	const now = 1795369400
	no := refused("You do not have permission to perform this operation.")
	for name, tt := range map[string]struct {
		version, nodes, items string
		reason                monitor.Reason
		notes                 string
		at                    int64
	}{
		"alive":                  {"6.0.1", node(3, now-5), "", "", "", now - 5},
		"of a cluster":           {"6.0.1", node(1, now-9999) + "," + node(3, now-5) + "," + node(0, now-1), "", "", "", now - 5},
		"hung":                   {"6.0.1", node(3, now-61), "", monitor.OldData, "", 0},
		"all stand by":           {"6.0.1", node(0, now-1) + "," + node(2, now-90), "", monitor.NotRunning, "", 0},
		"stopped":                {"6.0.1", node(1, now-90), "", monitor.NotRunning, "", 0},
		"never ran":              {"6.0.1", "", item(now-3, "1m"), "", "", now - 3},
		"measured":               {"6.0.1", no, item(now-100, "1m") + "," + item(now-3, "1h"), "", "", now - 3},
		"measured late":          {"6.0.1", no, item(now-239, "1m"), "", "", now - 239},
		"measured too late":      {"6.0.1", no, item(now-241, "1m") + "," + item(0, "1h"), monitor.OldData, "", 0},
		"measured at odd times":  {"6.0.1", no, item(now-9999, "{$EVERY}"), "", "", 0},
		"measured not for a day": {"6.0.1", no, item(0, "1m"), "", "old-data", 0},
		"not seen":               {"6.0.1", no, "", "", "no-health", 0},
		"items may not be asked": {"6.0.1", no, no, "", "no-health", 0},
		"before 6.0":             {"5.0.1", no, item(now-3, "30s;20s/1-5"), "", "", now - 3},
		"a clock that is off":    {"6.0.1", node(3, now+500), "", "", "", now + 500},
	} {
		t.Run(name, func(t *testing.T) {
			f := captured(t)
			f.date = time.Unix(now, 0)
			f.say("apiinfo.version", result(`"`+tt.version+`"`))
			f.say("hanode.get", result("["+tt.nodes+"]"))
			if strings.HasPrefix(tt.nodes, "{\"jsonrpc") {
				f.say("hanode.get", tt.nodes)
			}
			f.say("item.get", result("["+tt.items+"]"))
			if tt.items == no {
				f.say("item.get", no)
			}
			s := f.source(t, nil)
			r, err := s.Read(within(t))
			if monitor.ReasonOf(err) != tt.reason || (err != nil) != (tt.reason != "") {
				t.Fatal(err)
			}
			if err == nil && (codes(r) != tt.notes || (tt.at == 0) != r.At.IsZero() || tt.at != 0 && r.At.Unix() != tt.at) {
				t.Errorf("%s at %s", codes(r), r.At)
			}
			f.asked()
			_, _ = s.Read(within(t))
			if got := f.asked(); tt.nodes == no && slices.Contains(got, "hanode.get") {
				t.Errorf("what is refused is asked again: %q", got)
			}
		})
	}
}

// The clocks of server and frontend may be two: who is heard of from reading to reading
// works. Who may ask for the nodes may do so after the database was away as well.
func TestClocksThatDiffer(t *testing.T) {
	const now = 1795369400
	f := captured(t)
	f.date = time.Unix(now, 0)
	s := f.source(t, nil)
	for n, tt := range []struct {
		seen   int
		reason monitor.Reason
	}{{now - 500, monitor.OldData}, {now - 495, ""}, {now - 490, ""}, {now - 490, monitor.OldData}, {now - 490, monitor.OldData}, {now - 5, ""}} {
		f.say("hanode.get", result(fmt.Sprintf(`[{"lastaccess":"%d","status":"3"}]`, tt.seen)))
		_, err := s.Read(within(t))
		if monitor.ReasonOf(err) != tt.reason || (err == nil) != (tt.reason == "") {
			t.Errorf("%d: %v", n, err)
		}
	}
	good := f.answers["hanode.get"]
	f.say("hanode.get", `{"jsonrpc":"2.0","error":{"code":1,"message":"Error connecting to database.","data":""},"id":1}`)
	if _, err := s.Read(within(t)); monitor.ReasonOf(err) != monitor.NotRunning {
		t.Error(err)
	}
	f.say("hanode.get", good)
	f.asked()
	if read(t, s); !slices.Contains(f.asked(), "hanode.get") {
		t.Error("the nodes are not asked for any more")
	}
}

func TestInterval(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30": 30 * time.Second, "30s": 30 * time.Second, "1m": time.Minute, "2h": 2 * time.Hour, "1d": 24 * time.Hour, "1w": 168 * time.Hour,
		"50s;20s/1-5,09:00-18:00": 50 * time.Second, "0": 0, "0;h9": 0, "": 0, "{$X}": 0, "s": 0, "99999999999": 0, "999999d": 0, "-1": 0,
	} {
		if got := interval(text); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

// What acknowledging sends, and what it says.
func TestAcknowledge(t *testing.T) {
	f := captured(t)
	s := f.source(t, nil)
	a := monitor.Acknowledgement{Host: "db1", Name: "PostgreSQL refuses connections", Author: "ops\nteam", Comment: strings.Repeat("ü", 300)}
	if _, err := s.Acknowledge(within(t), a); err == nil {
		t.Error("what was not read yet is acknowledged")
	}
	read(t, s)
	f.asked()
	var sent string
	f.do = func(c *call) (string, bool) {
		switch {
		case c.Method == "event.acknowledge":
			sent = string(c.Params)
		case c.Method == "problem.get" && c.has(`"objectids":["23136"]`):
			return result(`[{"eventid":"2","objectid":"23136","acknowledged":"0"},{"eventid":"12","objectid":"23136","acknowledged":"0"},{"eventid":"5","objectid":"23136","acknowledged":"1"}]`), true
		case c.Method == "problem.get" && c.has(`"objectids":["23134"]`):
			return result(`[{"eventid":"1","objectid":"23134","acknowledged":"1"}]`), true
		case c.Method == "problem.get":
			return result(`[]`), true
		}
		return "", false
	}
	did, err := s.Acknowledge(within(t), a)
	if want := `{"action":6,"eventids":["2","12"],"message":"ops team: ` + strings.Repeat("ü", 122) + `"}`; err != nil || did != "acknowledged in Zabbix, until it is over" || sent != want {
		t.Errorf("%q, %v\n%s\n%s", did, err, sent, want)
	}
	if _, err := s.Acknowledge(within(t), monitor.Acknowledgement{Host: a.Host, Name: a.Name}); err != nil || !strings.Contains(sent, `"dotm: acknowledged from dotm"`) {
		t.Errorf("%s, %v", sent, err)
	}
	if did, err := s.Acknowledge(within(t), monitor.Acknowledgement{Host: "web1", Name: "/var on web server is almost full"}); did != "is acknowledged already" || err != nil {
		t.Errorf("%q, %v", did, err)
	}
	for _, tt := range []struct{ host, name, says string }{
		{"web1", "", "none of a host as a whole"}, {"web1", "x", "no such trigger"}, {"web2", a.Name, "no such trigger"}, {"web1", "HTTP on web server fails", "no problem any more"},
	} {
		if _, err := s.Acknowledge(within(t), monitor.Acknowledgement{Host: tt.host, Name: tt.name}); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s of %s: %v", tt.name, tt.host, err)
		}
	}
	f.do = nil
	f.say("event.acknowledge", refused(`Incorrect value for field "action": no permissions to acknowledge problems.`))
	if _, err := s.Acknowledge(within(t), a); monitor.ReasonOf(err) != monitor.NoRight || !strings.Contains(err.Error(), "add comments") {
		t.Errorf("%v", err)
	}
	f.say("event.acknowledge", refused("Something else."))
	if _, err := s.Acknowledge(within(t), a); monitor.ReasonOf(err) != monitor.NotIt {
		t.Errorf("%v", err)
	}
	if diff := cmp.Diff("acknowledges in Zabbix at "+s.api.client.Base().Host, s.Acknowledges()); diff != "" {
		t.Error(diff)
	}
}
