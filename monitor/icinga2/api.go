package icinga2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
)

// get asks for something that changes nothing. With a body it is a POST that says to
// be a GET: long lists of attributes don't fit into every URL.
func (s *Source) get(ctx context.Context, path string, body any) (*monitor.Response, error) {
	if body == nil {
		return s.client.Get(ctx, path, nil)
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("asking for %s: %w", path, err)
	}
	return s.client.Post(ctx, path, http.Header{"X-Http-Method-Override": {http.MethodGet}}, text)
}

// results asks for something and gives each of the results, which has to be read.
func (s *Source) results(ctx context.Context, path string, body any, each func(j *monitor.JSON) error) error {
	resp, err := s.get(ctx, path, body)
	if err != nil {
		return err
	}
	defer resp.Close()
	err = results(resp.Body, each)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return monitor.Lost(ctx, s.client.Base().Host, ctx.Err()) // whatever half an answer looks like
	}
	return err
}

// results reads {"results":[…]}.
func results(body io.Reader, each func(j *monitor.JSON) error) error {
	j := monitor.NewJSON(body)
	found := false
	err := j.Object(func(key string) error {
		if key != "results" || found {
			return j.Skip()
		}
		found = true
		return j.Array(func() error { return each(j) })
	})
	if errors.Is(err, io.EOF) || (err == nil && !found) {
		return notIcinga("the answer holds no results")
	}
	return err
}

func notIcinga(text string) error {
	return &monitor.Error{Reason: monitor.NotIt, Text: text, Hint: "url must be that of the API of Icinga 2, such as https://icinga.example:5665"}
}

// objects asks for all objects of a type that the login may see. That there are none
// is an answer with 404.
func (s *Source) objects(ctx context.Context, kind string, attrs []string, known *texts, each func(*object) error) error {
	var o object
	err := s.results(ctx, "/v1/objects/"+kind, map[string]any{"attrs": attrs}, func(j *monitor.JSON) error {
		o = object{texts: known}
		if err := o.read(j); err != nil {
			return err
		}
		return each(&o)
	})
	if status(err) == http.StatusNotFound {
		return nil
	}
	return err
}

// status is the HTTP status in an error, 0 if there is none.
func status(err error) int {
	if e, ok := errors.AsType[*monitor.StatusError](err); ok {
		return e.Status
	}
	return 0
}

// login is who Icinga 2 takes us for: the answer of /v1.
type login struct {
	User        string
	Permissions []string
	Version     string
}

// login asks who we are.
func (s *Source) login(ctx context.Context) (*login, error) {
	me := &login{}
	err := s.results(ctx, "/v1", nil, func(j *monitor.JSON) error { return j.Decode(me) })
	switch {
	case err != nil:
		return nil, err
	case me.User == "" || me.Version == "":
		return nil, notIcinga("what answers does not say who the login is")
	}
	me.Version = strings.TrimPrefix(monitor.Clean(me.Version, 64), "r")
	me.User = monitor.Clean(me.User, 64)
	return me, nil
}

// may says whether the login has a right. Rights are told with wildcards, and with
// " (filtered)" behind if they don't hold for all objects.
func (me *login) may(right string) bool {
	for _, p := range me.Permissions {
		if match(strings.TrimSuffix(p, " (filtered)"), right) {
			return true
		}
	}
	return false
}

// filtered says whether a right holds for some objects only.
func (me *login) filtered(right string) bool {
	for _, p := range me.Permissions {
		if p, filtered := strings.CutSuffix(p, " (filtered)"); filtered && match(p, right) {
			return true
		}
	}
	return false
}

// match says whether a pattern with * and ? is that of a right; case is no matter.
func match(pattern, right string) bool {
	if len(pattern) > 256 {
		return false
	}
	p := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
	ok, err := regexp.MatchString("(?i)^"+p+"$", right)
	return err == nil && ok
}

// before says whether Icinga 2 is older than 2.minor.
func (me *login) before(minor int) bool {
	var first, second int
	if n, _ := fmt.Sscanf(me.Version, "%d.%d", &first, &second); n != 2 {
		return false
	}
	return first < 2 || (first == 2 && second < minor)
}

// lacks is the error where nothing can be done without a right.
func (me *login) lacks(what, right string) error {
	return &monitor.Error{Reason: monitor.NoRight, Text: fmt.Sprintf("the login %s may not read %s", me.User, what), Hint: grant(right)}
}

// grant is the hint for a missing right.
func grant(rights ...string) string {
	return `add "` + strings.Join(rights, `", "`) + `" to the permissions of its ApiUser in Icinga 2`
}

// icingaStatus is what is read of /v1/status/IcingaApplication and CIB.
type icingaStatus struct {
	Status struct {
		Application struct {
			App struct {
				Start         float64 `json:"program_start"`
				HostChecks    *bool   `json:"enable_host_checks"`
				ServiceChecks *bool   `json:"enable_service_checks"`
			}
		} `json:"icingaapplication"`
		Uptime float64
	}
}

// status asks when Icinga 2 started and, by how long that is ago, how late it is by
// its own clock.
func (s *Source) status(ctx context.Context, me *login, m *memory) error {
	if !me.may("status/query") {
		m.reading.Say("no-right-status", "the login "+me.User+" may not read the status", grant("status/query"))
		return nil
	}
	var st icingaStatus
	for _, part := range []string{"IcingaApplication", "CIB"} {
		if err := s.results(ctx, "/v1/status/"+part, nil, func(j *monitor.JSON) error { return j.Decode(&st) }); err != nil {
			return err
		}
	}
	app := st.Status.Application.App
	m.start, m.asOf = app.Start, app.Start+st.Status.Uptime
	m.reading.At = seconds(m.asOf)
	for what, on := range map[string]*bool{"hosts": app.HostChecks, "services": app.ServiceChecks} {
		if on != nil && !*on {
			m.reading.Say("checks-off-"+what, "it runs no checks of "+what, "active checks are switched off in Icinga 2 as a whole: what it says is what it knew then")
		}
	}
	return nil
}

// seconds is a time in seconds since 1970, which may have a fraction; zero for never,
// which is 0 or -1.
func seconds(f float64) time.Time {
	const year10000 = 253402300800
	if !(f > 0 && f < year10000) {
		return time.Time{}
	}
	whole := int64(f)
	return time.Unix(whole, int64((f-float64(whole))*1e6)*1000).UTC()
}
