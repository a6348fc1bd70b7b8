package look

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/cmd/dotm/table"
	"github.com/devops-trouble-map/dotm/report"
)

// someReport draws a report with few different names and addresses, so that
// rows meet. No two rows are alike but for their user.
func someReport(t *rapid.T) *report.Report {
	r := &report.Report{Node: report.Node{Name: "web1"}, Agent: report.Agent{Method: "proc"}, Time: noon}
	for i := range rapid.IntRange(0, 2).Draw(t, "namespaces") {
		r.Namespaces = append(r.Namespaces, report.Namespace{Container: fmt.Sprintf("box%d", i)})
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "containers") {
		r.Containers = append(r.Containers, report.Container{Name: fmt.Sprintf("c%d", i), ID: strings.Repeat("ab", i*8)})
	}
	names := rapid.SampledFrom([]string{"", "nginx", "a-name-that-is-longer-than-most", "bücher", "x\x1b[1m"})
	small := func(max int, label string) int { return rapid.IntRange(0, max).Draw(t, label) }
	seen := map[string]bool{}
	for range small(40, "connections") {
		c := report.Connection{
			Namespace: small(len(r.Namespaces), "namespace"), Container: small(len(r.Containers), "container"),
			Direction: rapid.SampledFrom([]report.Direction{report.In, report.Out, report.Unknown}).Draw(t, "direction"),
			Protocol:  rapid.SampledFrom([]report.Protocol{report.TCP, report.UDP}).Draw(t, "protocol"),
			Process:   names.Draw(t, "process"), User: names.Draw(t, "user"),
			Peer: addr(fmt.Sprintf("10.0.0.%d", small(20, "peer"))), Port: uint16(80 + small(1, "port")), Count: small(5, "count"),
		}
		if c.Direction == report.Unknown {
			c.LocalPort = uint16(90 + small(3, "local port"))
		}
		if small(3, "healthy") == 0 {
			c.Health = &report.Health{Measured: small(3, "measured"), RTT: 7, CloseWait: small(1, "close-wait")}
		}
		if key := fmt.Sprint(c.Namespace, c.Container, c.Direction, c.Protocol, c.Process, c.Peer, c.Port, c.LocalPort); !seen[key] {
			seen[key] = true
			r.Connections = append(r.Connections, c)
		}
	}
	return r
}

// totals sums up what sections show.
func totals(sections []*section) (open, peers int) {
	for _, s := range sections {
		for _, e := range s.edges {
			open += e.Count
			peers += max(1, e.peers)
		}
	}
	return open, peers
}

// TestPagesOfAnything: whatever a report says, no connection is lost by
// folding, the page is the same every time, and nothing steers the terminal.
func TestPagesOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := someReport(t)
		want := 0
		for i := range r.Connections {
			want += r.Connections[i].Count
		}
		for _, wide := range []bool{false, true} {
			sections := arrange(r, wide)
			for _, s := range sections {
				s.finish(wide)
				for i := 1; i < len(s.edges); i++ {
					if compareEdges(s.edges[i-1], s.edges[i]) > 0 {
						t.Fatalf("%v comes before %v", s.edges[i-1].Connection, s.edges[i].Connection)
					}
				}
			}
			open, peers := totals(sections)
			if open != want || (wide && peers != len(r.Connections)) || peers > len(r.Connections) {
				t.Fatalf("wide %t: %d open to %d peers, want %d to %d", wide, open, peers, want, len(r.Connections))
			}
			c := Scan{Wide: wide}
			show := func() string {
				p := c.newPage(table.Screen{Width: rapid.IntRange(1, 200).Draw(t, "width")})
				p.hosts = ""
				return string(p.look(t.Context(), r))
			}
			if text := show(); strings.Contains(text, "\x1b") || strings.Contains(text, " \n") {
				t.Fatalf("not fit to be shown: %q", text)
			}
		}
	})
}

// TestWatchOfAnything: marks tell exactly what opened and closed between two
// looks, as a model of sets has it.
func TestWatchOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p past
		var before map[string]bool // what was open
		for look := range rapid.IntRange(1, 5).Draw(t, "looks") {
			r := someReport(t)
			now := openRows(r)
			marked := marksOf(p.mark(arrange(r, true), true))
			if look == 0 {
				if len(marked['+'])+len(marked['-']) > 0 {
					t.Fatalf("in the first look nothing is new: %v", marked)
				}
			} else {
				same(t, "opened", marked['+'], without(now, before))
				same(t, "closed", marked['-'], without(before, now))
			}
			before = now
		}
	})
}

func rowText(section string, c *report.Connection, place string) string {
	return fmt.Sprint(section, c.Direction, c.Protocol, c.Process, c.Peer, c.Port, c.LocalPort, c.User, place)
}

// openRows lists what is open in a report.
func openRows(r *report.Report) map[string]bool {
	rows := map[string]bool{}
	for _, s := range arrange(r, true) {
		for _, e := range s.edges {
			if e.Count > 0 {
				rows[rowText(s.name, e.Connection, e.place)] = true
			}
		}
	}
	return rows
}

func marksOf(sections []*section) map[byte]map[string]bool {
	marks := map[byte]map[string]bool{'+': {}, '-': {}, ' ': {}}
	for _, s := range sections {
		for _, e := range s.edges {
			marks[e.mark][rowText(s.name, e.Connection, e.place)] = true
		}
	}
	return marks
}

func without(a, b map[string]bool) map[string]bool {
	left := map[string]bool{}
	for k := range a {
		if !b[k] {
			left[k] = true
		}
	}
	return left
}

func same(t *rapid.T, what string, got, want map[string]bool) {
	t.Helper()
	if len(without(got, want))+len(without(want, got)) > 0 {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

// TestCutOfAnything: a cell is never wider than it may be, unless nothing more
// can be cut, and what is left of its names begins as they do.
func TestCutOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-zäöü0-9.-]{0,30}`)
		lead, name := word.Draw(t, "lead"), word.Draw(t, "name")
		c := edgeLike(lead, " → ", name, ":80")
		width := rapid.IntRange(0, 80).Draw(t, "width")
		got := c.Cut(width)
		if n := len([]rune(got)); n > max(width, c.Least()) {
			t.Fatalf("%q in %d columns is %d wide", got, width, n)
		}
		if n := c.Width(); n <= width && got != c.Text {
			t.Fatalf("%q is cut to %q, has %d of %d columns", c.Text, got, n, width)
		}
		parts := regexp.MustCompile(`^(.*?)(…?) → (.*?)(…?):80$`).FindStringSubmatch(got)
		if parts == nil || !strings.HasPrefix(lead, parts[1]) || !strings.HasPrefix(name, parts[3]) {
			t.Fatalf("%q became %q", c.Text, got)
		}
		if (parts[2] == "") != (parts[1] == lead) || (parts[4] == "") != (parts[3] == name) {
			t.Fatalf("%q became %q: an ellipsis stands for what is cut", c.Text, got)
		}
	})
}

// TestTablesOfAnything: columns stand below each other, and numbers end below
// each other, however wide the screen is.
func TestTablesOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rendered := table.New(0, false, table.Column{Title: "NAME"}, table.Right("N"), table.Column{Title: "END"})
		rows := rapid.IntRange(1, 10).Draw(t, "rows")
		for range rows {
			n := rapid.IntRange(1, 1_000_000).Draw(t, "n")
			rendered.Add(' ', table.Named(rapid.StringMatching(`[a-z]{1,40}`).Draw(t, "name")), table.Plain(strconv.Itoa(n)), table.Plain("|"))
		}
		width := rapid.IntRange(1, 90).Draw(t, "width")
		lines := rowsOfTable(rendered, table.Screen{Width: width})
		if len(lines) != rows+1 {
			t.Fatalf("%d lines for %d rows", len(lines), rows)
		}
		end := len([]rune(strings.TrimSuffix(lines[0], "END")))
		for _, line := range lines[1:] {
			if at := len([]rune(strings.TrimSuffix(line, "|"))); at != end || !strings.HasSuffix(line, "  |") {
				t.Fatalf("columns don't stand below each other:\n%s", strings.Join(lines, "\n"))
			}
		}
	})
}
