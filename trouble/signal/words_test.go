package signal

import (
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/topology"
)

// TestTitles: each kind says in one plain sentence who does what, with whom last, and without
// figures; and so does its short form, without the one client of many.
func TestTitles(t *testing.T) {
	f := newFilm(t, "web", "db")
	service := f.listen("db", "postgres", 5432)
	inside := f.call("web", "puma", "db", 5432)
	f.blocks["partner"] = &topology.Block{Node: topology.Node{Name: "partner", Kind: topology.Network}}
	outside := f.call("web", "puma", "partner", 443)
	for _, id := range []string{inside, outside} {
		f.health(id).ConnectingSince = f.at
	}
	snap := f.snapshot()
	f.look() // so that the memory knows the site
	f.memory.snap = snap
	l := &look{Memory: f.memory, block: snap.Block("web"), at: f.at}
	in, out := snap.Connection("web", inside), snap.Connection("web", outside)
	server := *in
	server.Health = &topology.Health{End: "server", CloseWait: 3}
	ports := &topology.Shortage{Kind: topology.SignalPorts, Server: "10.0.0.1:80", Used: 9, Max: 10}
	files := &topology.Shortage{Kind: topology.SignalDescriptors, Process: "puma", PID: 7, Used: 9, Max: 10}
	all := &topology.Shortage{Kind: topology.SignalDescriptors, Used: 9, Max: 10}
	web := &snap.Block("web").Node
	seen := map[topology.SignalKind]bool{}
	for _, tt := range []struct {
		check       topology.Check
		want, short string
	}{
		{l.refused(in, &fails{}, mark{refused: 12}), "db postgres:5432 refuses connections of web puma", "db postgres:5432 refuses connections"},
		{l.refused(out, &fails{}, mark{refused: 12}), "web puma is refused by partner tcp:443", ""},
		{l.unreachable(in, 3, mark{}), "db postgres:5432 does not answer web puma", "db postgres:5432 does not answer"},
		{l.unreachable(out, 3, mark{}), "web puma gets no answer from partner tcp:443", ""},
		{l.queued(service, 10, 0), "db postgres:5432 accepts connections too slowly", ""},
		{l.retransmits(in), "db postgres:5432 loses much of its traffic with web puma", "db postgres:5432 loses much of its traffic"},
		{l.retransmits(out), "web puma loses much of its traffic with partner tcp:443", "web puma loses much of its traffic"},
		{l.slow(in, &edge{}), "db postgres:5432 is slow to reach from web puma", "db postgres:5432 is slow to reach"},
		{l.slow(out, &edge{}), "web puma reaches partner tcp:443 slowly", ""},
		{l.closeWait(in), "web puma does not close connections to db postgres:5432", "web puma does not close connections"},
		{l.closeWait(&server), "db postgres:5432 does not close connections of web puma", "db postgres:5432 does not close connections"},
		{l.shortage(ports), "web runs out of local ports for calls to 10.0.0.1:80", "web runs out of local ports"},
		{l.shortage(files), "web puma (pid 7) runs out of file descriptors", ""},
		{l.shortage(all), "web runs out of file descriptors", ""},
		{l.stoppedCheck(service, &stop{}), "db postgres:5432 listens no more", ""},
		{silentCheck(web, &crew{}, nil), "web reports no more", ""},
		{silentCheck(web, &crew{name: "x"}, []string{"web", "db"}), "web and others report no more", ""},
		{l.goneCheck(in, 30), "web puma has no connection to db postgres:5432 any more", ""},
	} {
		kind, got := tt.check.Signal.Kind, tt.check.Signal.Title
		seen[kind] = true
		if got != tt.want {
			t.Errorf("%s: %q, want %q", kind, got, tt.want)
		}
		if short := kind.ShortTitle(got); tt.short != "" && short != tt.short || tt.short == "" && short != got {
			t.Errorf("%s in short: %q", kind, short)
		}
		if !strings.HasPrefix(got, tt.check.Node+" ") {
			t.Errorf("%q does not begin with %s, where it is", got, tt.check.Node)
		}
	}
	for _, kind := range topology.SignalKinds() {
		if !seen[kind] {
			t.Errorf("%s has no title here", kind)
		}
	}
}
