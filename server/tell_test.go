package server

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/notify"
	madeup "github.com/devops-trouble-map/dotm/site"
	"github.com/devops-trouble-map/dotm/topology"
)

// letterbox is a receiver that keeps what it gets.
type letterbox struct {
	mu  sync.Mutex
	got []notify.Notice
}

func (l *letterbox) Send(_ context.Context, n *notify.Notice) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, *n)
	return nil
}

func (l *letterbox) take() []notify.Notice {
	l.mu.Lock()
	defer l.mu.Unlock()
	got := l.got
	l.got = nil
	return got
}

// TestTold: people are told once that something is wrong and what is likely behind it,
// and once that it is over, though the server is started again in between.
func TestTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &letterbox{}
		opt := Options{
			Store: openBolt(t, t.TempDir()), Sources: []monitor.Options{{Name: "site", Kind: monitor.Passive}}, PublicURL: "https://map.example/",
			Receivers: []notify.Receiver{{Options: notify.Options{Name: "box", Kind: notify.Webhook, After: new(topology.Duration(20 * time.Second))}, Sender: box}},
			Paint:     func(_ context.Context, of string) ([]byte, error) { return []byte("<svg>" + of + "</svg>"), nil },
		}
		d := newDrillWith(t, 1, madeup.Monitoring{}, opt)
		for range 40 {
			d.pass(t)
		}
		f := madeup.Fault{Kind: madeup.ServiceDies, Target: d.made.Truth().Pools[len(d.made.Truth().Pools)-1].Nodes[0]}
		for _, p := range d.made.Truth().Pools {
			if i := slices.IndexFunc(p.Nodes, func(n string) bool { return strings.HasSuffix(n, "-db01") }); i >= 0 {
				f.Target = p.Nodes[i]
				break
			}
		}
		now := time.Now()
		f.From, f.To = now.Add(time.Second), now.Add(121*time.Second)
		if err := d.made.Inject(f); err != nil {
			t.Fatal(err)
		}
		for range 60 {
			d.pass(t)
		}
		opened := box.take()
		if len(opened) == 0 || opened[0].News != notify.Opened {
			t.Fatalf("told after a minute: %+v", opened)
		}
		last := &opened[len(opened)-1].Incident
		if !strings.Contains(last.Causes[0].Component, f.Target) || last.Link != "https://map.example/#/incidents/"+last.ID || !strings.HasPrefix(string(opened[0].Picture), "<svg>") || !strings.Contains(opened[0].Text, opened[0].Incident.Title) {
			t.Errorf("the fault of %s is told as %+v", f.Target, last)
		}
		if err := d.stop(); err != nil {
			t.Fatal(err)
		}
		d.running = startWith(t, opt)
		for range 40 { // it lasts two minutes
			d.pass(t)
		}
		if got := box.take(); slices.ContainsFunc(got, func(n notify.Notice) bool { return n.Incident.ID == last.ID && n.News != notify.CauseChanged }) {
			t.Errorf("told after a restart: %+v", got)
		}
		for range 110 {
			d.pass(t)
		}
		var news []notify.News
		for _, n := range box.take() {
			if n.Incident.ID == last.ID {
				news = append(news, n.News)
			}
		}
		if !slices.Equal(news, []notify.News{notify.Resolved}) {
			t.Errorf("told at its end: %v", news)
		}
		if st := d.Receivers()[0]; st.Error != "" || st.Waiting != 0 {
			t.Errorf("the receiver's state is %+v", st)
		}
	})
}
