package look

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/table"
	"github.com/devops-trouble-map/dotm/scan"
	"github.com/devops-trouble-map/dotm/test/golden"
	"github.com/devops-trouble-map/dotm/test/need"
)

// ordinary are the abilities of an ordinary user in a container that filters
// system calls.
func ordinary() *scan.Abilities {
	return &scan.Abilities{
		Facts: scan.Facts{
			UID: 1000, User: "alice", Kernel: "5.10.0-28-amd64", HostNetwork: true, Seccomp: true, NoNewPrivileges: true,
			HidePID: "invisible", Lockdown: "integrity", UnprivilegedBPF: "2",
		},
		Abilities: []scan.Ability{
			{Code: scan.AbleSockets, Name: "sockets of this network namespace", Able: true, How: "sock_diag", Found: "12 seen"},
			{
				Code: scan.AbleAllOwners, Name: "processes of all users", How: "proc", Found: "3 of 112 let themselves be looked into",
				Missing: []string{"CAP_PERFMON", "CAP_BPF", "BTF"}, Capabilities: []string{"CAP_PERFMON", "CAP_BPF"},
				Without: "services and connections of other users have no process and no container", Hint: "Another kernel",
			},
			{
				Code: scan.AbleTranslations, Name: "address translation", Missing: []string{"CAP_NET_ADMIN"},
				Capabilities: []string{"CAP_NET_ADMIN"}, Without: "edges end at the address that was called",
			},
		},
		Privileges: []scan.Privilege{
			{Name: "CAP_BPF", Allows: "load eBPF programs", Use: "loads two of its own"},
			{Name: "CAP_PERFMON", Allows: "read the kernel's memory", Use: "reads which process holds which socket"},
			{Name: "CAP_SYS_ADMIN", Allows: "do nearly everything", Use: "enters network namespaces"},
			{Name: "CAP_NET_ADMIN", Held: true, Allows: "change the firewall", Use: "reads the table of tracked connections"},
		},
	}
}

func explanation(a *scan.Abilities, s table.Screen) []byte {
	e := explaining{Screen: s}
	return e.page(&explained{*a, grantsOf(a, "/usr/bin/dotm")})
}

func TestExplanation(t *testing.T) {
	golden.Check(t, "scan/explain.txt", explanation(ordinary(), table.Screen{Width: 80}))
	golden.Check(t, "scan/explain-colours.txt", explanation(ordinary(), table.Screen{Width: 120, Colours: true}))
}

// TestExplanationOfRoot: where nothing is missing there is nothing to grant.
func TestExplanationOfRoot(t *testing.T) {
	a := ordinary()
	for i := range a.Abilities {
		b := &a.Abilities[i]
		b.Able, b.Missing, b.Capabilities, b.Without, b.Hint = true, nil, nil, "", ""
	}
	for i := range a.Privileges {
		a.Privileges[i].Held = true
	}
	text := string(explanation(a, table.Screen{Width: 80}))
	for _, banned := range []string{"To grant", "Missing", "others"} {
		if strings.Contains(text, banned) {
			t.Errorf("%q is in\n%s", banned, text)
		}
	}
	if got := grantsOf(a, "/usr/bin/dotm"); got == nil || len(got) != 0 {
		t.Errorf("grants are %v, want none", got)
	}
}

func TestGrants(t *testing.T) {
	a := ordinary()
	a.Facts.NoNewPrivileges = false
	got := make([]string, 0, 3)
	for _, g := range grantsOf(a, "/usr/bin/dotm") {
		got = append(got, g.Text)
	}
	checkRows( // in one order, and nothing that is held already
		t, got,
		"setcap cap_bpf,cap_perfmon=ep /usr/bin/dotm",
		"AmbientCapabilities=CAP_BPF CAP_PERFMON",
		"docker run --pid host --network host --cap-add BPF --cap-add PERFMON …",
	)
	a.Facts.NoNewPrivileges = true
	if got := grantsOf(a, "/usr/bin/dotm"); len(got) != 2 || strings.Contains(got[0].Text, "setcap") {
		t.Errorf("capabilities of files give nothing with no_new_privs: %v", got)
	}
}

// TestExplainFits: only what is to be copied is wider than the screen.
func TestExplainFits(t *testing.T) {
	for _, width := range []int{40, 60, 80} {
		_, text, _ := strings.Cut(string(explanation(ordinary(), table.Screen{Width: width})), "\n\nProcesses of all users")
		for line := range strings.Lines(text) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > width && !strings.HasPrefix(line, "    ") {
				t.Errorf("%d columns, want at most %d: %s", n, width, line)
			}
		}
	}
}

// TestExplainHere: this machine is explained, as text and in JSON.
func TestExplainHere(t *testing.T) {
	c := Scan{Explain: true}
	var text, raw bytes.Buffer
	for out, g := range map[*bytes.Buffer]*console.Globals{&text: {Out: &text}, &raw: {Out: &raw, JSON: true}} {
		if err := c.explain(t.Context(), g); errors.Is(err, errors.ErrUnsupported) {
			need.Lacks(t, err.Error())
		} else if err != nil {
			t.Fatal(err)
		}
		if out.Len() == 0 {
			t.Error("nothing is said")
		}
	}
	var e explained
	if err := json.Unmarshal(raw.Bytes(), &e); err != nil {
		t.Fatal(err)
	}
	if len(e.Abilities.Abilities) != 8 || e.Grants == nil || e.Facts.Kernel == "" {
		t.Errorf("got %+v", e)
	}
	for _, b := range e.Abilities.Abilities {
		if !strings.Contains(text.String(), "\n"+b.Name+" ") {
			t.Errorf("%q is not in\n%s", b.Name, text.String())
		}
	}
	c.Namespaces = "bogus"
	if err := c.explain(t.Context(), &console.Globals{Out: &text}); err == nil || !strings.Contains(err.Error(), `no network namespace is named "bogus"`) {
		t.Errorf("got %v", err)
	}
}

func TestEnumerated(t *testing.T) {
	for want, list := range map[string][]string{
		"": nil, "user": {"user"}, "user and network": {"user", "network"}, "user, process and network": {"user", "process", "network"},
	} {
		if got := enumerated(list); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
