package zabbix

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// few are the first elements of a captured answer: short ones, for the fuzzer's sake.
func few(f *testing.F, name string) string {
	f.Helper()
	var all struct{ Result []json.RawMessage }
	if err := json.Unmarshal([]byte(file(f, name)), &all); err != nil {
		f.Fatal(err)
	}
	text, _ := json.Marshal(map[string]any{"result": all.Result[:2]})
	return string(text)
}

// FuzzAnswers: whatever the answers hold, it is an error or a reading that holds what it
// promises.
func FuzzAnswers(f *testing.F) {
	hosts, triggers, problems := few(f, "host.get"), few(f, "trigger.get"), few(f, "problem.get")
	f.Add([]byte(hosts), []byte(triggers), []byte(problems), []byte(result(`[{"triggerid":"23133","error":"x"}]`)))
	f.Add([]byte(file(f, "error-session")), []byte(`{"error":{"code":1,"message":"x"}}`), []byte(result(`[]`)), []byte(``))
	f.Add([]byte(result(`[{"hostid":1,"host":"a","interfaces":[{"interfaceid":"1","type":4,"main":"1","useip":1,"ip":"::","dns":"{$X}","port":"1099"}]}]`)),
		[]byte(result(`[{"triggerid":"1","description":"{ITEM.VALUE}","hosts":[{"hostid":"1"},{"hostid":"1"}],"dependencies":[{"triggerid":"1"}],"items":[{"key_":"net.tcp.port[,1]","interfaceid":"1"}],"tags":[{"tag":"a","value":""}]}]`)),
		[]byte(result(`[{"eventid":"9223372036854775807","objectid":"1","severity":"-3","clock":"99999999999999","opdata":"on port 80"}]`)), []byte(result(`[{}]`)))
	f.Fuzz(func(t *testing.T, hosts, triggers, problems, unknown []byte) {
		g := &inventory{byHost: map[uint64]*host{}, byID: map[uint64]*trigger{}, strangers: map[uint64]bool{}}
		_ = parse(bytes.NewReader(hosts), list("host.get", nil, func(j *monitor.JSON) error {
			h := &host{}
			err := h.read(j)
			if err == nil && g.byHost[h.id] == nil {
				g.hosts, g.byHost[h.id] = append(g.hosts, h), h
			}
			return err
		}))
		r := newReader(g.hosts)
		_ = parse(bytes.NewReader(triggers), list("trigger.get", nil, func(j *monitor.JSON) error {
			t, err := r.read(j)
			if err == nil {
				err = g.keep(t)
			}
			return err
		}))
		g.finish("https://h", version{major: 6})
		st := &state{problems: map[uint64]*problem{}, unknown: map[uint64]string{}, maintained: map[uint64]bool{}, down: map[uint64]fault{}}
		_ = parse(bytes.NewReader(problems), list("problem.get", nil, st.problem))
		_ = parse(bytes.NewReader(unknown), list("trigger.get", nil, st.unknownTrigger))
		_ = parse(bytes.NewReader(unknown), list("host.get", nil, st.maintainedHost))
		_ = parse(bytes.NewReader(unknown), list("hostinterface.get", nil, st.downInterface))
		g.stranger(st)
		promises(t, g, st)
	})
}

func promises(t *testing.T, g *inventory, st *state) {
	out := &monitor.Reading{}
	s := &Source{sev: usual(), link: "https://h", api: &api{}}
	if err := s.write(out, g, st); err != nil {
		return
	}
	names := map[[2]string]bool{}
	for _, c := range out.Checks {
		k := [2]string{c.Host, c.Name}
		if names[k] {
			t.Errorf("%q is there twice", k)
		}
		names[k] = true
		if c.Host == "" || (c.Name == "") != (c.Kind == topology.HostCheck) || c.Status.Severity() < 1 || c.Since.Year() > 9999 ||
			len(c.Output) > monitor.MaxOutput || strings.ContainsAny(c.Output+c.Name, "\n\x00") || !slices.IsSorted(c.Groups) || len(c.Link) > monitor.MaxLink {
			t.Errorf("%+v", c)
		}
	}
	for _, d := range out.Dependencies {
		if d.Host == "" || d.Name == "" || d.ParentHost == "" || d.ParentName == "" {
			t.Errorf("%+v", d)
		}
	}
}

// FuzzKey: whatever a key holds, hints are ports, and nothing else of it is kept.
func FuzzKey(f *testing.F) {
	for _, k := range []string{"net.tcp.service[http,,8080]", `pgsql.ping["tcp://u:p@h:1",a]`, "web.page.get[h,/,1]", `x["`, "net.dns[]]", "redis.ping[[::1]:1]"} {
		f.Add(k)
	}
	f.Fuzz(func(t *testing.T, key string) {
		w := wayOf(key)
		for _, h := range w.hints {
			if h.Port == 0 || strings.ContainsAny(h.Address, "{}@/ ") || len(h.Address) > 255 {
				t.Errorf("%q: %+v", key, h)
			}
		}
		if len(w.hints) > 1 || strings.ContainsAny(w.command, "[{ ") {
			t.Errorf("%q: %+v", key, w)
		}
	})
}

// FuzzSteady: a name without what is measured is one, and stays the same with other values.
func FuzzSteady(f *testing.F) {
	f.Add("Load of {HOST.NAME} is {ITEM.VALUE} (over {$MAX})", "Load of a is ", " (over 5)")
	f.Fuzz(func(t *testing.T, raw, before, behind string) {
		if len(raw)+len(before)+len(behind) > 1000 {
			return
		}
		a := steady(raw, before+"1"+behind)
		if len(a) > monitor.MaxName && measured.MatchString(raw) {
			t.Errorf("%q is too long", a)
		}
		if raw = "x {ITEM.VALUE} y"; steady(raw, "x 1 y") != steady(raw, "x 22 y") {
			t.Error("it changes with the value")
		}
	})
}

// FuzzInterval: an interval is none, or one that somebody means.
func FuzzInterval(f *testing.F) {
	f.Add("1m")
	f.Add("50s;20s/1-5")
	f.Fuzz(func(t *testing.T, text string) {
		if d := interval(text); d < 0 || d > 366*24*time.Hour {
			t.Errorf("%q is %s", text, d)
		}
	})
}
