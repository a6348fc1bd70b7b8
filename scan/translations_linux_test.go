package scan

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/netns"
)

// within runs a program in the network namespace of a peer.
func (p *peer) within(args ...string) {
	p.t.Helper()
	out, err := exec.Command("nsenter", append([]string{"-t", fmt.Sprint(p.pid()), "-n"}, args...)...).CombinedOutput()
	if err != nil {
		netns.Cannot(p.t, fmt.Sprintf("nsenter %q: %v: %s", args, err, out))
	}
}

// attach links a peer's namespace with this one: net.1 here, net.2 there.
func (p *peer) attach(name, net string) {
	p.t.Helper()
	runIP(p.t, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", fmt.Sprint(p.pid()))
	p.t.Cleanup(func() { _ = exec.Command("ip", "link", "del", name).Run() })
	runIP(p.t, "address", "add", net+".1/24", "dev", name)
	runIP(p.t, "link", "set", name, "up")
	p.within("ip", "address", "add", net+".2/24", "dev", "eth0")
	p.within("ip", "link", "set", "eth0", "up")
	p.within("ip", "route", "add", "default", "via", net+".1")
}

// translate puts rules into this namespace for the time of a test.
func translate(t *testing.T, rules string) {
	t.Helper()
	must(t, os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644))
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader("table ip dotmtest {\n" + rules + "\n}\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		netns.Cannot(t, "nft: "+err.Error()+": "+string(out))
	}
	t.Cleanup(func() { _ = exec.Command("nft", "delete", "table", "ip", "dotmtest").Run() })
}

func connectionsOf(r *report.Report, namespace int, process string) (list []string) {
	for _, c := range r.Connections {
		if c.Namespace == namespace && c.Process == process {
			line := fmt.Sprintf("%s %s %s:%d %d", c.Process, c.Direction, c.Peer, c.Port, c.Count)
			if c.Via.IsValid() {
				line += " via " + c.Via.String()
			}
			list = append(list, line)
		}
	}
	return list
}

// TestTranslations: who calls an address that the host translates is shown with
// the service behind it, whether it is on the host or in a container; who is
// called from behind a masquerade, with who called; and what the host forwards
// for others is listed.
func TestTranslations(t *testing.T) {
	needRoot(t)
	box, outside := elsewhere(t, "box"), elsewhere(t, "outside")
	box.attach("tr0", "10.99.1")
	outside.attach("tr1", "10.99.2")
	translate(t, `
		chain out { type nat hook output priority -100; ip daddr 198.51.100.10 tcp dport 80 dnat to 10.99.1.2:8080; }
		chain pre { type nat hook prerouting priority -100;
			ip daddr 10.99.2.1 tcp dport 8088 dnat to 10.99.1.2:8080;
			ip daddr 198.51.100.10 tcp dport 80 dnat to 10.99.1.2:8080; }
		chain post { type nat hook postrouting priority 100; ip saddr 10.99.1.2 ip daddr 10.99.1.2 masquerade; }`)
	runIP(t, "route", "add", "198.51.100.0/24", "via", "10.99.1.2")
	box.do("listen", "tcp4", "0.0.0.0:8080")
	here := startPeer(t, "here", 0)
	s := newScanner(t, Options{Networks: "all"})
	look(t, s) // what is new since then is asked about one by one
	here.do("dial", "tcp4", "198.51.100.10:80", 2)
	outside.do("dial", "tcp4", "10.99.2.1:8088", 3)
	box.do("accept", 5)
	check := func(r *report.Report) {
		t.Helper()
		if got, want := connectionsOf(r, 0, "here"), []string{"here out 10.99.1.2:8080 2 via 198.51.100.10:80"}; !slices.Equal(got, want) {
			t.Errorf("here: got %q, want %q", got, want)
		}
		got, want := connectionsOf(r, namespace(r, "box"), "box"), []string{"box in 10.99.1.1:8080 2", "box in 10.99.2.2:8080 3"}
		if !slices.Equal(got, want) {
			t.Errorf("in the box: got %q, want %q", got, want)
		}
		got, want = connectionsOf(r, namespace(r, "outside"), "outside"), []string{"outside out 10.99.1.2:8080 3 via 10.99.2.1:8088"}
		if !slices.Equal(got, want) {
			t.Errorf("outside: got %q, want %q", got, want)
		}
	}
	check(look(t, s))
	for range translatedEvery {
		check(look(t, s))
	}
	r := look(t, newScanner(t, Options{Networks: "all"})) // by the whole table at once
	check(r)
	var got []string
	for _, f := range r.Forwards {
		got = append(got, fmt.Sprintf("%s %s to %s %d", f.Protocol, f.From, f.To, f.Count))
	}
	if want := []string{"tcp 10.99.2.1:8088 to 10.99.1.2:8080 3"}; !slices.Equal(got, want) {
		t.Errorf("forwards: got %q, want %q", got, want)
	}
	if note(r, "translations") != nil {
		t.Errorf("notes are %+v", r.Notes)
	}
	here.do("setuid", 65534)
	if r := here.lookAt("/proc", "own"); note(r, "translations") == nil {
		t.Errorf("without rights nothing is said: %+v", r.Notes)
	}
}

// TestSources: connections of others that leave under the host's address are
// told, by client and server.
func TestSources(t *testing.T) {
	needRoot(t)
	one, two, server := elsewhere(t, "one"), elsewhere(t, "two"), elsewhere(t, "server")
	one.attach("sr0", "10.98.1")
	two.attach("sr1", "10.98.2")
	server.attach("sr2", "10.98.3")
	translate(t, `chain post { type nat hook postrouting priority 100; oifname "sr2" masquerade; }`)
	server.do("listen", "tcp4", "0.0.0.0:8080")
	one.do("dial", "tcp4", "10.98.3.2:8080", 1)
	two.do("dial", "tcp4", "10.98.3.2:8080", 2)
	startPeer(t, "router", 0).do("dial", "tcp4", "10.98.3.2:8080", 1)
	server.do("accept", 4)
	r := look(t, newScanner(t, Options{Networks: "own"}))
	var got []string
	for _, s := range r.Sources {
		got = append(got, fmt.Sprintf("%s %s as %s to %s %d", s.Protocol, s.Client, s.As, s.Server, s.Count))
	}
	if want := []string{"tcp 10.98.1.2 as 10.98.3.1 to 10.98.3.2:8080 1", "tcp 10.98.2.2 as 10.98.3.1 to 10.98.3.2:8080 2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestShortTranslations: connections through address translation that closed
// before anybody looked lead to the service as well, where it is the only one
// that is behind the address.
func TestShortTranslations(t *testing.T) {
	counting(t)
	box := elsewhere(t, "behind")
	box.attach("tr3", "10.99.4")
	translate(t, `chain out { type nat hook output priority -100; ip daddr 198.51.100.20 tcp dport 80 dnat to 10.99.4.2:8080; }`)
	runIP(t, "route", "add", "198.51.100.20/32", "via", "10.99.4.2")
	box.do("listen", "tcp4", "0.0.0.0:8080")
	here := startPeer(t, "here", 0)
	s := newScanner(t, Options{Networks: "own"})
	for range translatedEvery + 1 { // by the whole table, too
		for range 5 {
			here.do("dial", "tcp4", "198.51.100.20:80", 1)
			box.do("accept", 1)
			here.do("close-all")
		}
		var got []string
		for _, c := range look(t, s).Connections {
			if c.Process == "here" {
				got = append(got, fmt.Sprintf("%s:%d via %s %d open %d opened", c.Peer, c.Port, c.Via, c.Count, c.Opened))
			}
		}
		if want := []string{"10.99.4.2:8080 via 198.51.100.20:80 0 open 5 opened"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestMasquerade: a server that is called from behind source translation is
// shown with the real caller.
func TestMasquerade(t *testing.T) {
	needRoot(t)
	box := elsewhere(t, "masked")
	box.attach("tr2", "10.99.3")
	translate(t, `
		chain in { type nat hook input priority 100; ip saddr 10.99.3.2 tcp dport 8089 snat to 203.0.113.7; }`)
	runIP(t, "route", "add", "203.0.113.0/24", "via", "10.99.3.2") // answers are routed before they are translated
	server := startPeer(t, "server", 0)
	server.do("listen", "tcp4", "0.0.0.0:8089")
	box.do("dial", "tcp4", "10.99.3.1:8089", 1)
	server.do("accept", 1)
	s := newScanner(t, Options{Networks: "own"})
	for range 2 {
		if got, want := connectionsOf(look(t, s), 0, "server"), []string{"server in 10.99.3.2:8089 1"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
