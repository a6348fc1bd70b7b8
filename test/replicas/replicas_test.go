// Package replicas runs several dotm servers on one real Redis, as somebody would
// who wants none of them to matter.
package replicas

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/daemon"
	"github.com/devops-trouble-map/dotm/test/program"
	"github.com/devops-trouble-map/dotm/test/redis"
)

var binary string

func TestMain(m *testing.M) { os.Exit(program.Main(m, &binary)) }

// replica is one dotm serve.
type replica struct {
	url, dir, redis string
	log             bytes.Buffer
	cmd             *exec.Cmd
}

func start(t *testing.T, redisURL string) *replica {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	r := &replica{url: "http://" + addr, dir: t.TempDir(), redis: redisURL}
	r.run(t)
	t.Cleanup(func() {
		r.kill()
		if t.Failed() {
			t.Logf("%s:\n%s", r.url, r.log.String())
		}
	})
	return r
}

func (r *replica) run(t *testing.T) {
	t.Helper()
	r.cmd = exec.Command(binary, "serve", "--listen", r.url[len("http://"):], "--data", r.dir, "--redis", r.redis)
	r.cmd.Stdout, r.cmd.Stderr = &r.log, &r.log
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	daemon.WaitFor(t, "the server at "+r.url, func() bool { return r.get("/readyz", nil) == nil })
}

func (r *replica) kill() {
	if r.cmd.ProcessState == nil {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
	}
}

func (r *replica) stop(t *testing.T) {
	t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("%s ended with %v", r.url, err)
	}
}

var client = &http.Client{Timeout: 15 * time.Second}

// get reads JSON; a nil out only looks at the status.
func (r *replica) get(path string, out any) error {
	resp, err := client.Get(r.url + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s %s %w", path, resp.Status, body, err)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(body, out)
}

// chart is what a replica shows: its revision, the nodes that report, the edges
// with how often they opened.
type chart struct {
	Revision string
	Nodes    []string
	Edges    []string
}

func (r *replica) chart() (c chart, err error) {
	var raw struct {
		Revision    string
		Nodes       []struct{ Name, State string }
		Connections []struct {
			Client, Server struct{ Node string }
			Opened         int
			Status         string
		}
	}
	if err := r.get("/api/v1/topology?hide=none", &raw); err != nil {
		return c, err
	}
	c.Revision = raw.Revision
	for _, n := range raw.Nodes {
		c.Nodes = append(c.Nodes, n.Name+" "+n.State)
	}
	for _, e := range raw.Connections {
		c.Edges = append(c.Edges, fmt.Sprintf("%s>%s %d %s", e.Client.Node, e.Server.Node, e.Opened, e.Status))
	}
	slices.Sort(c.Nodes)
	slices.Sort(c.Edges)
	return c, nil
}

func (r *replica) role(t *testing.T) string {
	t.Helper()
	var h struct{ Server struct{ Role string } }
	if err := r.get("/api/v1/history", &h); err != nil {
		t.Fatal(err)
	}
	return h.Server.Role
}

// agree waits until all replicas show these edges, and otherwise the same, and
// returns how long that took.
func agree(t *testing.T, want []string, replicas ...*replica) (chart, time.Duration) {
	t.Helper()
	begin := time.Now()
	var first, other chart
	ok := func() bool {
		var err error
		if first, err = replicas[0].chart(); err != nil || !slices.Equal(first.Edges, want) {
			return false
		}
		for _, r := range replicas[1:] {
			if other, err = r.chart(); err != nil || !cmp.Equal(first.Nodes, other.Nodes) || !cmp.Equal(first.Edges, other.Edges) {
				return false
			}
		}
		return true
	}
	for !ok() {
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("the first replica does not show all edges (-want +got):\n%s\nor the replicas do not agree (-first +other):\n%s", cmp.Diff(want, first.Edges), cmp.Diff(first, other))
		}
		<-time.After(20 * time.Millisecond)
	}
	return first, time.Since(begin)
}

// agent reports to one of the replicas after the other, and counts what it
// opened: each report that is answered counts once, the others are sent again.
type agent struct {
	name     string
	number   int
	sequence uint64
	opened   uint64
	peers    []string
}

func (a *agent) report() *report.Report {
	a.sequence++
	r := &report.Report{
		Version: report.Version, Node: report.Node{Name: a.name, Identity: report.Identity{Kind: report.IdentityMachine, Value: "machine of " + a.name}},
		Agent: report.Agent{Version: "test", Method: "sock_diag", Instance: "i" + a.name}, Sequence: a.sequence, Time: time.Now(), IntervalMS: 10_000,
		Interfaces: []report.Interface{{Name: "eth0", Addresses: []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("10.1.0.%d/24", a.number))}}},
		Listeners:  []report.Listener{{Protocol: report.TCP, Address: netip.IPv4Unspecified(), Port: 80, Process: "nginx"}},
	}
	for _, p := range a.peers {
		r.Connections = append(r.Connections, report.Connection{
			Direction: report.Out, Protocol: report.TCP, Process: "nginx", Peer: netip.MustParseAddr(p), Port: 5432, Count: 1, Opened: 1,
		})
	}
	return r
}

// send pushes a report until one of the replicas takes it.
func (a *agent) send(ctx context.Context, r *report.Report, replicas []*replica) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	for try := 0; ; try++ {
		to := replicas[(int(a.sequence)+a.number+try)%len(replicas)]
		resp, err := client.Post(to.url+"/api/v1/reports", "application/json", bytes.NewReader(body))
		if err == nil {
			answer, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode < 300 {
				a.opened++
				return nil
			}
			err = fmt.Errorf("%s %s", resp.Status, answer)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func agents(n int) (list []*agent) {
	for i := range n {
		list = append(list, &agent{name: fmt.Sprintf("web%02d", i), number: i + 1, peers: []string{"10.9.0.1", fmt.Sprintf("10.9.1.%d", i%4+1)}})
	}
	return list
}

// once has every agent report once, all at a time.
func once(t *testing.T, list []*agent, replicas ...*replica) {
	t.Helper()
	var wg sync.WaitGroup
	for _, a := range list {
		wg.Go(func() {
			if err := a.send(t.Context(), a.report(), replicas); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestReplicas: three servers, agents that push to any, one server killed, one
// restarted, one new.
func TestReplicas(t *testing.T) {
	for name, url := range map[string]func(*testing.T) string{
		"one Redis": func(t *testing.T) string { return redis.Start(t).URL() },
		"a Cluster": func(t *testing.T) string { return redis.StartCluster(t).URL() },
	} {
		t.Run(name, func(t *testing.T) { scene(t, url(t)) })
	}
}

func scene(t *testing.T, url string) {
	a, b, c := start(t, url), start(t, url), start(t, url)
	list := agents(20)
	once(t, list, a, b, c)
	shown, took := agree(t, edges(list), a, b, c)
	t.Logf("all show the same %s after the last report", took.Round(time.Millisecond))
	if took > 5*time.Second { // a fifth of a second where nothing else runs
		t.Errorf("that took %s", took)
	}
	if len(shown.Nodes) != 25 {
		t.Fatalf("shown are %d nodes", len(shown.Nodes))
	}
	roles := []string{a.role(t), b.role(t), c.role(t)}
	if !slices.Equal(roles, []string{"leading", "following", "following"}) {
		t.Fatalf("roles are %v", roles)
	}

	// The leader is killed while reports come in.
	var stop atomic.Bool
	var wg sync.WaitGroup
	for _, x := range list {
		wg.Go(func() {
			for !stop.Load() {
				if err := x.send(t.Context(), x.report(), []*replica{a, b, c}); err != nil {
					t.Error(err)
					return
				}
				<-time.After(100 * time.Millisecond)
			}
		})
	}
	<-time.After(time.Second)
	killed := time.Now()
	a.kill()
	daemon.WaitFor(t, "another leader", func() bool { return b.role(t) == "leading" || c.role(t) == "leading" })
	t.Logf("another one led after %s", time.Since(killed).Round(100*time.Millisecond))
	<-time.After(2 * time.Second)
	stop.Store(true)
	wg.Wait()
	agree(t, edges(list), b, c)

	// It comes back, and the others are restarted one after the other.
	a.run(t)
	for _, r := range []*replica{b, c} {
		r.stop(t)
		once(t, list, slices.DeleteFunc([]*replica{a, b, c}, func(x *replica) bool { return x == r })...)
		r.run(t)
	}
	agree(t, edges(list), a, b, c)
	checkEvents(t, a)
}

// edges are all that agents opened, each as often as it was answered.
func edges(list []*agent) (want []string) {
	for _, a := range list {
		for i := range a.peers {
			want = append(want, fmt.Sprintf("%s>%s %d fresh", a.name, a.peers[i], a.opened))
		}
	}
	slices.Sort(want)
	return want
}

// checkEvents: everything appeared once, though its leader died and all were
// restarted.
func checkEvents(t *testing.T, r *replica) {
	t.Helper()
	var list struct {
		Events []struct{ Kind, Subject, ID string }
	}
	if err := r.get("/api/v1/events?limit=10000", &list); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, e := range list.Events {
		count[e.Kind+" "+e.Subject+" "+e.ID]++
	}
	for what, n := range count {
		if n != 1 {
			t.Errorf("%q is kept %d times", what, n)
		}
	}
	if len(count) != 25+20+5+40 { // nodes, their services, those that the edges prove, edges
		t.Errorf("%d things happened", len(count))
	}
}
