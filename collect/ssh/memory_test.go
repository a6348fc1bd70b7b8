package ssh

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/report"
)

// answers is a server that prints one text after the other, and notes the
// commands that it was given.
type answers struct {
	texts    []string
	commands []string
}

func (a *answers) run(command string, ch gossh.Channel) {
	a.commands = append(a.commands, command)
	prints(a.texts[0], 0)(command, ch)
	a.texts = a.texts[1:]
}

// another adds a connection to a recorded answer.
func another(text string, port int) string {
	const row = "tcp   ESTAB  0      0          10.77.0.2:50888    10.77.0.2:6379  users:((\"orders\",pid=26848,fd=3))      \n"
	return strings.Replace(text, row, row+strings.Replace(row, "50888", fmt.Sprint(port), 1), 1)
}

func ask(t *testing.T, p *Poller, s *server, query string) *report.Report {
	t.Helper()
	r, err := p.Poll(t.Context(), collect.SSHAddress{Hop: s.hop}.String()+query)
	must(t, err)
	return r
}

// TestOpened: between two polls, what is new has opened, once. A single look
// knows of no poll before.
func TestOpened(t *testing.T) {
	first := recorded(t, "root-ss")
	a := &answers{texts: []string{first, another(first, 50999), another(first, 50999)}}
	s := (&server{run: a.run}).start(t)
	p := newPoller(t, options(t, s))
	for i, want := range []uint64{0, 1, 0} {
		if got := openedNow(ask(t, p, s, "")); got != want {
			t.Errorf("poll %d: %d opened, want %d", i+1, got, want)
		}
	}
	a.texts = []string{first, another(first, 50999)}
	o := options(t, s)
	o.OneLook = true
	p = newPoller(t, o)
	for range 2 {
		if got := openedNow(ask(t, p, s, "")); got != 0 {
			t.Errorf("%d opened in one look", got)
		}
	}
}

func openedNow(r *report.Report) (n uint64) {
	for _, c := range r.Connections {
		if c.Process == "orders" && c.Port == 6379 {
			n += c.Opened
		}
	}
	return n
}

// TestSudoRests: where sudo was refused it is not tried again for an hour, and
// never where the address says so.
func TestSudoRests(t *testing.T) {
	user := recorded(t, "user-ss")
	plain := strings.Replace(user, " sudo-ss\n", " none\n", 1)
	a := &answers{texts: []string{user, plain, user, user}}
	s := (&server{run: a.run}).start(t)
	now := noon
	o := options(t, s)
	o.Now = func() time.Time { return now }
	p := newPoller(t, o)
	first := ask(t, p, s, "")
	now = now.Add(sudoRest - time.Second)
	if second := ask(t, p, s, ""); !slices.Equal(first.Notes, second.Notes) {
		t.Errorf("notes change from %+v to %+v", first.Notes, second.Notes)
	}
	now = now.Add(time.Second)
	ask(t, p, s, "")
	ask(t, p, s, "?sudo=no")
	for i, want := range []string{Command, CommandWithoutSudo, Command, CommandWithoutSudo} {
		if a.commands[i] != want {
			t.Errorf("poll %d ran %q", i+1, a.commands[i])
		}
	}
}

// TestCost: a report says how long the poll took.
func TestCost(t *testing.T) {
	s := (&server{run: prints(recorded(t, "root-ss"), 0)}).start(t)
	if r := ask(t, newPoller(t, options(t, s)), s, ""); r.Cost.WallMicros <= 0 || r.Agent.Method != "ssh" {
		t.Errorf("cost %+v, agent %+v", r.Cost, r.Agent)
	}
}
