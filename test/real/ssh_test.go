//go:build linux

package realtest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/collect/ssh"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/bed/chart"
	"github.com/devops-trouble-map/dotm/test/bed/stage"
)

// askedScene is a host without an agent, db1, and one that asks it, web1. db1
// has real services, clients near and far, and one of the stage.Operator's own.
func askedScene(t *testing.T) (web, db host) {
	t.Helper()
	web, db = twoHosts(t)
	db.Nginx(t, "location / { return 204; }", "80", "[::]:80")
	db.Redis(t, 6379, "127.0.0.1", dbAddress)
	db.Dnsmasq(t, 5300, dbAddress)
	db.Reachable(t, dbAddress+":80", dbAddress+":6379", dbAddress+":5300")
	orders, remote := db.Puppet(t, "orders"), web.Puppet(t, "remote")
	orders.Dial(t, 2, "tcp", "127.0.0.1:6379")
	remote.Listen(t, "tcp", ":7000")
	remote.Listen(t, "udp", ":514")
	orders.Dial(t, 3, "tcp", "["+webAddress6+"]:7000")
	orders.Dial(t, 1, "udp", webAddress+":514")
	remote.Dial(t, 4, "tcp", dbAddress+":80")
	return web, db
}

// The rows of db1, with their processes. What is behind | is what an ordinary
// user sees of the process.
var askedRows = []string{
	"dnsmasq listens tcp " + dbAddress + ":5300",
	"dnsmasq listens udp " + dbAddress + ":5300",
	"nginx in tcp " + webAddress + " 80 ×4",
	"nginx listens tcp 0.0.0.0:80",
	"nginx listens tcp :::80",
	"orders out tcp 127.0.0.1 6379 ×2",
	"orders out tcp " + webAddress6 + " 7000 ×3",
	"orders out udp " + webAddress + " 514 ×1",
	"redis-server in tcp 127.0.0.1 6379 ×2",
	"redis-server listens tcp 127.0.0.1:6379",
	"redis-server listens tcp " + dbAddress + ":6379",
	"sshd listens tcp " + dbAddress + ":22",
}

// nameless are the rows without processes.
func nameless(rows []string) (list []string) {
	for _, r := range rows {
		_, rest, _ := strings.Cut(r, " ")
		list = append(list, "? "+rest)
	}
	slices.Sort(list)
	return list
}

// rowsOf gives each row of a report a line.
func rowsOf(r *report.Report) (list []string) {
	name := func(s string) string {
		if s == "" {
			return "?"
		}
		return s
	}
	for _, l := range r.Listeners {
		list = append(list, fmt.Sprintf("%s listens %s %s:%d", name(l.Process), l.Protocol, l.Address, l.Port))
	}
	for _, c := range r.Connections {
		if c.Count > 0 {
			list = append(list, fmt.Sprintf("%s %s %s %s %d ×%d", name(c.Process), c.Direction, c.Protocol, c.Peer, c.Port, c.Count))
		}
	}
	slices.Sort(list)
	return list
}

// asking is a dotm scan of another host.
type asking struct{ *stage.Program }

// asks runs dotm scan against a server, as text or JSON.
func (h host) asks(t *testing.T, k stage.Keys, known string, args ...string) asking {
	t.Helper()
	p := h.Dotm(t, append([]string{"scan", "--ssh-key", k.Private, "--known-hosts", known, "--data", stage.OpenDir(t)}, args...))
	<-p.Ended
	return asking{p}
}

// askedReport is what dotm scan --json gives.
func (h host) askedReport(t *testing.T, k stage.Keys, known string, args ...string) *report.Report {
	t.Helper()
	p := h.asks(t, k, known, append(args, "--json")...)
	if code := p.Wait(t); code != 0 || p.Err() != "" {
		t.Fatalf("exit code %d\n%s", code, p.Err())
	}
	var r report.Report
	decode(t, p.Out(), &r)
	return &r
}

func noteOf(r *report.Report, code string) *report.Note {
	for i := range r.Notes {
		if r.Notes[i].Code == code {
			return &r.Notes[i]
		}
	}
	return nil
}

// refused checks that dotm scan failed with these words.
func (p asking) refused(t *testing.T, words ...string) {
	t.Helper()
	if code := p.Wait(t); code != 2 || p.Out() != "" {
		t.Errorf("exit code %d, output %q", code, p.Out())
	}
	if err := stage.ContainsAll(p.Err(), words...); err != nil {
		t.Error(err)
	}
}

// TestSSHSees: with each right and each set of tools, all rows are there, and
// the processes that may be seen; what may not is said.
func TestSSHSees(t *testing.T) {
	stage.NeedRoot(t)
	web, db := askedScene(t)
	k := stage.NewKeys(t)
	const at = "@" + dbAddress
	noTools := []string{"ss", "netstat", "ip", "ifconfig"}
	for _, c := range []struct {
		name, user string
		setup      stage.SSHSetup
		query      string
		want       []string
		notes      []string
		missing    []string // what of the rows this way can't tell
	}{
		{name: "sudo", user: stage.Operator, setup: stage.SSHSetup{Sudoers: sudoLine}, want: askedRows},
		{name: "PAM and a banner", user: stage.Operator, setup: stage.SSHSetup{Sudoers: sudoLine, Config: "UsePAM yes\nBanner /etc/passwd"}, want: askedRows},
		{name: "no sudo", user: stage.Operator, want: nameless(askedRows), notes: []string{"unprivileged"}},
		{name: "sudo not asked for", user: stage.Operator, setup: stage.SSHSetup{Sudoers: sudoLine}, query: "?sudo=no", want: nameless(askedRows), notes: []string{"unprivileged"}},
		{name: "no sudo there", user: stage.Operator, setup: stage.SSHSetup{Hide: []string{"sudo"}}, want: nameless(askedRows), notes: []string{"unprivileged"}},
		{name: "root", user: "root", want: askedRows},
		{name: "netstat", user: stage.Operator, setup: stage.SSHSetup{Sudoers: sudoLine, Hide: []string{"ss"}}, want: askedRows},
		{name: "netstat and ifconfig as root", user: "root", setup: stage.SSHSetup{Hide: []string{"ss", "ip"}}, want: askedRows},
		{name: "proc", user: "root", setup: stage.SSHSetup{Hide: noTools}, want: askedRows, notes: []string{"no-tools"}},
		{name: "proc without rights", user: stage.Operator, setup: stage.SSHSetup{Sudoers: sudoLine, Hide: noTools}, want: nameless(askedRows), notes: []string{"no-tools", "unprivileged"}},
		{name: "forced command", user: stage.Operator, setup: stage.SSHSetup{Sudoers: sudoLine, Forced: `restrict,command="` + ssh.Command + `" `}, want: askedRows},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.setup.Permit = k
			d := db.SSHD(t, dbAddress+":22", c.setup)
			defer d.Kill()
			r := web.askedReport(t, k, stage.KnownHosts(t, d), "ssh://"+c.user+at+c.query)
			want := slices.Sorted(slices.Values(c.want))
			if diff := cmp.Diff(want, rowsOf(r)); diff != "" {
				t.Error(diff)
			}
			if r.Node.Name != "db1" || r.Agent.Method != "ssh" || r.Node.Identity.Kind != report.IdentityMachine {
				t.Errorf("node %+v by %+v", r.Node, r.Agent)
			}
			for _, code := range []string{"unprivileged", "no-tools", "unreadable", "hidden-owners"} {
				if there, must := noteOf(r, code) != nil, slices.Contains(c.notes, code); there != must {
					t.Errorf("note %s is there: %t, want %t: %+v", code, there, must, r.Notes)
				}
			}
			var addresses []string
			for _, i := range r.Interfaces {
				for _, p := range i.Addresses {
					addresses = append(addresses, p.String())
				}
			}
			for _, a := range []string{dbAddress + "/24", dbAddress6 + "/64", "198.51.100.7/32", "2001:db8:77::7/128", "127.0.0.1/8"} {
				if !slices.Contains(addresses, a) {
					t.Errorf("address %s is not among %v", a, addresses)
				}
			}
			if err := r.Validate(r.Time); err != nil && !strings.Contains(err.Error(), "agent.version") {
				t.Error(err)
			}
		})
	}
}

// TestSSHBusyBox: a node with BusyBox alone, whose netstat shows no processes.
func TestSSHBusyBox(t *testing.T) {
	stage.NeedRoot(t)
	web, db := askedScene(t)
	k := stage.NewKeys(t)
	d := db.SSHD(t, dbAddress+":22", stage.SSHSetup{Permit: k, Small: true})
	r := web.askedReport(t, k, stage.KnownHosts(t, d), "ssh://root@"+dbAddress)
	if diff := cmp.Diff(slices.Sorted(slices.Values(askedRows)), rowsOf(r)); diff != "" {
		t.Error(diff)
	}
	if r.Node.Name != "db1" || !r.Node.Identity.Weak() {
		t.Errorf("node %+v", r.Node)
	}
}

// TestSSHTable: the same table as of this machine, and what could not be seen
// below it.
func TestSSHTable(t *testing.T) {
	stage.NeedRoot(t)
	web, db := askedScene(t)
	k := stage.NewKeys(t)
	d := db.SSHD(t, dbAddress+":22", stage.SSHSetup{Permit: k})
	p := web.asks(t, k, stage.KnownHosts(t, d), "ssh://"+stage.Operator+"@"+dbAddress, "--wide")
	if code := p.Wait(t); code != 0 {
		t.Fatalf("exit code %d\n%s", code, p.Err())
	}
	if err := stage.ContainsAll(p.Out(), "SERVICE", "(hidden)", "*:80", "(ssh).", "process names hidden: user "+stage.Operator+" is not root, and sudo refused",
		"dotm node ssh-command --for sudoers"); err != nil {
		t.Error(err)
	}
}

// TestSSHWatch: a node can be watched; sudo that was refused is not tried again.
func TestSSHWatch(t *testing.T) {
	stage.NeedRoot(t)
	web, db := askedScene(t)
	k := stage.NewKeys(t)
	log := filepath.Join(stage.OpenDir(t), "tried")
	stage.Write(t, log, "")
	if err := os.Chmod(log, 0o666); err != nil {
		t.Fatal(err)
	}
	d := db.SSHD(t, dbAddress+":22", stage.SSHSetup{Permit: k, Replace: map[string]string{"sudo": "#!/bin/sh\necho sudo $* >>" + log + "\nexit 1\n"}})
	p := web.Dotm(t, []string{
		"scan", "ssh://" + stage.Operator + "@" + dbAddress, "--watch", "--interval", interval, "--json",
		"--ssh-key", k.Private, "--known-hosts", stage.KnownHosts(t, d), "--data", stage.OpenDir(t),
	})
	stage.Eventually(t, "three looks", func() error { return stage.ContainsAll(p.Out(), `"sequence":3`) })
	p.Terminate(t, stage.Patience)
	if tried := stage.Read(t, log); tried != "sudo -n ss -tunap\n" {
		t.Errorf("sudo was tried with %q", tried)
	}
}

// TestSSHHostKeys: a host is known, new or an impostor.
func TestSSHHostKeys(t *testing.T) {
	stage.NeedRoot(t)
	web, db := askedScene(t)
	k := stage.NewKeys(t)
	d := db.SSHD(t, dbAddress+":22", stage.SSHSetup{Permit: k})
	data, nobody := stage.OpenDir(t), filepath.Join(stage.OpenDir(t), "none")
	address := "ssh://root@" + dbAddress
	web.asks(t, k, nobody, address).refused(t, "none is known of "+dbAddress+":22", d.Fingerprint(t), "--trust-new")

	ask := func(args ...string) asking {
		p := web.Dotm(t, append([]string{"scan", address, "--ssh-key", k.Private, "--known-hosts", nobody, "--data", data}, args...))
		<-p.Ended
		return asking{p}
	}
	p := ask("--trust-new")
	if p.Wait(t) != 0 || stage.ContainsAll(p.Err(), d.Fingerprint(t), dbAddress+":22 is new") != nil {
		t.Fatalf("%s", p.Err())
	}
	kept := filepath.Join(data, "known_hosts")
	if info, err := os.Stat(kept); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if p := ask(); p.Wait(t) != 0 || p.Err() != "" {
		t.Errorf("known now, and still: %s", p.Err())
	}
	old := d.Fingerprint(t)
	d.Kill()
	d = db.SSHD(t, dbAddress+":22", stage.SSHSetup{Permit: k})
	ask("--trust-new").refused(t, "host key is not the known one", kept+":1 says ssh-ed25519 "+old, d.Fingerprint(t), "delete that line")
}

// TestSSHRefused: logins and commands that are refused say why.
func TestSSHRefused(t *testing.T) {
	stage.NeedRoot(t)
	web, db := askedScene(t)
	k, other := stage.NewKeys(t), stage.NewKeys(t)
	d := db.SSHD(t, dbAddress+":22", stage.SSHSetup{Permit: k, Forced: `restrict,command="id" `})
	known := stage.KnownHosts(t, d)
	web.asks(t, other, known, "ssh://root@"+dbAddress).refused(t, "refuses the login: user root at "+dbAddress+":22", other.Private, "authorized_keys")
	web.asks(t, k, known, "ssh://nobody@"+dbAddress).refused(t, "dotm node ssh-command")
	web.asks(t, k, known, "ssh://root@"+dbAddress).refused(t, `something else: "uid=0(root) gid=0(root)`, "dotm node ssh-command")
	web.asks(t, k, known, "ssh://root@"+dbAddress+":23").refused(t, "can't be reached", "refused")
}

// TestSSHJump: a server that only the jump host reaches.
func TestSSHJump(t *testing.T) {
	stage.NeedRoot(t)
	web, db := askedScene(t)
	k := stage.NewKeys(t)
	gate := db.SSHD(t, dbAddress+":22", stage.SSHSetup{Permit: k, Forced: `restrict,port-forwarding,permitopen="127.0.0.1:2222",command="/bin/false" `})
	inner := db.SSHD(t, "127.0.0.1:2222", stage.SSHSetup{Permit: k, Sudoers: sudoLine})
	known := stage.KnownHosts(t, gate, inner)
	jump := "root@" + dbAddress
	r := web.askedReport(t, k, known, "ssh://"+stage.Operator+"@127.0.0.1:2222", "--jump", jump)
	rows := rowsOf(r)
	for _, want := range append(slices.Clone(askedRows), "sshd listens tcp 127.0.0.1:2222") {
		if !slices.Contains(rows, want) {
			t.Errorf("%s is not among %q", want, rows)
		}
	}
	for _, row := range rows { // what brought the answer is no part of it
		if strings.Contains(row, " 2222 ×") && strings.Contains(row, " in ") {
			t.Errorf("our own connection shows: %s", row)
		}
	}
	address := "ssh://" + stage.Operator + "@127.0.0.1:2222?jump=" + jump
	web.asks(t, k, stage.KnownHosts(t, inner), address).refused(t, "jump host "+jump, "none is known of "+dbAddress)
	web.asks(t, k, stage.KnownHosts(t, gate), address).refused(t, "none is known of 127.0.0.1:2222", inner.Fingerprint(t))
	web.asks(t, k, known, "ssh://"+stage.Operator+"@127.0.0.1:6379?jump="+jump).refused(t, "jump host does not forward to 127.0.0.1:6379")
}

// TestSSHEndless: a node that never stops printing is cut off, and what it ran
// ends.
func TestSSHEndless(t *testing.T) {
	stage.NeedRoot(t)
	web, db := twoHosts(t)
	k := stage.NewKeys(t)
	marker := fmt.Sprintf("endless-%d", os.Getpid())
	d := db.SSHD(t, dbAddress+":22", stage.SSHSetup{Permit: k, Replace: map[string]string{"ss": "#!/bin/sh\nexec yes " + marker + "\n"}})
	web.asks(t, k, stage.KnownHosts(t, d), "ssh://"+stage.Operator+"@"+dbAddress).refused(t, "answer is too large", "more than 8 MiB")
	stage.Eventually(t, "the command ends", func() error {
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, f := range files {
			if text, err := os.ReadFile(f); err == nil && strings.HasSuffix(strings.TrimRight(string(text), "\x00"), "\x00"+marker) {
				return fmt.Errorf("%s still runs %q", f, text)
			}
		}
		return nil
	})
}

// TestSSHNode: a server that is given a node's address asks it, shows it like
// any other, and says what went wrong when it can't be asked any more.
func TestSSHNode(t *testing.T) {
	stage.NeedRoot(t)
	web, db := askedScene(t)
	k := stage.NewKeys(t)
	d := db.SSHD(t, dbAddress+":22", stage.SSHSetup{Permit: k, Sudoers: sudoLine})
	server := web.Serve(t, local, []string{
		"up", "--data", stage.OpenDir(t), "--interval", interval, "--ssh-key", k.Private, "--ssh-known-hosts", stage.KnownHosts(t, d),
	})
	server.Set(t, `{"poll_interval":"5s"}`)
	web.output(t, "node", "add", "ssh://"+stage.Operator+"@"+dbAddress)
	server.HeardOf(t, "web1", "db1")
	want := chart.Scene{
		Nodes: []string{"web1 host reporting", "db1 host reporting"},
		Services: []string{
			"db1 dnsmasq tcp/5300 listening " + dbAddress,
			"db1 dnsmasq udp/5300 listening " + dbAddress,
			"db1 nginx tcp/80 listening 0.0.0.0,::",
			"db1 redis-server tcp/6379 listening " + dbAddress + ",127.0.0.1",
			"db1 sshd tcp/22 listening " + dbAddress,
			"web1 remote tcp/7000 listening 0.0.0.0,::",
			"web1 remote udp/514 listening 0.0.0.0,::",
		},
		Edges: []string{
			"web1/remote → db1/nginx:80/tcp ×4 both",
			"db1/orders → db1/redis-server:6379/tcp ×2 both",
			"db1/orders → web1/remote:7000/tcp ×3 both",
			"db1/orders → web1/remote:514/udp ×1",
		},
	}
	server.Shows(t, want, "web1")
	server.Stays(t, want, 1, "db1")
	d.Kill()
	stage.Eventually(t, "the failure is shown", func() error {
		p := web.Dotm(t, []string{"node", "list"})
		<-p.Ended
		return stage.ContainsAll(p.Out(), "db1", "can't be reached")
	})
}
