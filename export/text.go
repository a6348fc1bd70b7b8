package export

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/plaintext"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// escapeMarkdown makes a text one that Markdown reads as that text.
func escapeMarkdown(text string) string { return plaintext.Markdown(text) }

// document writes Markdown.
type document struct {
	*writer
	*Chart
	names
}

// writeMarkdown writes what the chart shows as a document to be read.
func writeMarkdown(w *writer, c *Chart) {
	d := &document{w, c, c.names()}
	d.put("# ", escapeMarkdown(c.heading()), "\n\n")
	for _, mark := range c.marks() {
		d.put("**", strings.ToUpper(mark[:1]), escapeMarkdown(mark[1:]), ".** ")
	}
	if c.Past {
		d.put("**This is the past:** how it was then. ")
	}
	d.put("As of ", escapeMarkdown(moment(c.At)), ", revision ", escapeMarkdown(clean(c.Revision)), ".")
	if c.URL != "" {
		d.put(" [The live chart](", linkTo(c.URL, "#/chart"), ").")
	}
	d.put("\n\n", capital(escapeMarkdown(c.coverageText())), ".")
	if h := c.hiddenText(); h != "" {
		d.put(" ", capital(escapeMarkdown(h)), ".")
	}
	d.put("\n")
	d.alerts()
	d.nodes()
	d.services()
	d.uses()
	d.unknown()
}

// linkTo is a link's target that Markdown takes as one.
func linkTo(base, rest string) string {
	return "<" + strings.NewReplacer("<", "%3C", ">", "%3E", " ", "%20", "\n", "").Replace(strings.TrimSuffix(base, "/")+"/"+rest) + ">"
}

func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// table writes a table; its cells are escaped already. Without rows it says none.
func (d *document) table(title, none string, head []string, rows [][]string) {
	d.put("\n## ", title, "\n\n")
	if len(rows) == 0 {
		d.put(none, "\n")
		return
	}
	d.put("| ", strings.Join(head, " | "), " |\n|", strings.Repeat(" --- |", len(head)), "\n")
	for _, row := range rows {
		d.put("| ", strings.Join(row, " | "), " |\n")
	}
}

// cells are texts as cells.
func cells(texts ...string) []string {
	for i := range texts {
		texts[i] = escapeMarkdown(texts[i])
	}
	return texts
}

func (d *document) alerts() {
	rows := make([][]string, 0, len(d.Alerts))
	for i := range d.Alerts {
		a := &d.Alerts[i]
		how := string(a.Status)
		switch {
		case a.Stale:
			how += " when last checked"
		case a.Handled:
			how += ", taken care of"
		}
		name := clean(a.Name)
		if name == "" {
			name = "the host itself"
		}
		rows = append(rows, cells(how, d.of(a.Node), name, moment(a.Since), clean(a.Source)))
	}
	d.table("Alerts", "No check of what is shown is in trouble.", []string{"Status", "Node", "Check", "Since", "Source"}, rows)
}

func (d *document) nodes() {
	rows := make([][]string, 0, len(d.Nodes)+len(d.Pools)+len(d.Groups))
	for _, n := range d.boxes() {
		what, where := string(n.Kind), ""
		if len(n.Members) > 0 {
			what += fmt.Sprintf(" of %d", len(n.Members))
		}
		if i := d.laneOf(n); i >= 0 {
			where = laneName(&d.Lanes[i])
		}
		addresses := make([]string, 0, 4)
		for _, a := range n.Addresses[:min(4, len(n.Addresses))] {
			addresses = append(addresses, a.String())
		}
		row := cells(titleOf(n), what, where, strings.Join(addresses, ", "), stateWord(n), signOf(&n.Verdict).word())
		if d.URL != "" && len(n.Members) == 0 && n.Kind != topology.Internet {
			row[0] = "[" + row[0] + "](" + linkTo(d.URL, "#/nodes/"+url.PathEscape(n.Name)) + ")"
		}
		rows = append(rows, row)
	}
	d.table("Nodes", "No node is shown.", []string{"Name", "Kind", "Group", "Addresses", "Seen", "Checks"}, rows)
}

func (d *document) services() {
	if !d.showsServices() {
		return
	}
	users := map[string]map[string]bool{}
	for i := range d.Connections {
		c := &d.Connections[i]
		if users[c.Server.Service] == nil {
			users[c.Server.Service] = map[string]bool{}
		}
		users[c.Server.Service][c.Client.Node] = true
	}
	rows := make([][]string, 0, len(d.Services))
	for i := range d.Services {
		s := &d.Services[i]
		used := "no use seen"
		if !s.LastConnection.IsZero() {
			used = moment(s.LastConnection)
		}
		rows = append(rows, cells(d.of(s.Node), process(s.Process), portText(s.Protocol, s.Port), string(s.State),
			strconv.Itoa(len(users[s.ID])), used, signOf(&s.Verdict).word()))
	}
	d.table("Services", "No service is shown.", []string{"Node", "Process", "Port", "State", "Users shown", "Last use", "Checks"}, rows)
}

func (d *document) showsServices() bool {
	return d.Level == view.LevelService || d.Level == view.LevelPool
}

func (d *document) uses() {
	rows := make([][]string, 0, len(d.Connections))
	for _, c := range d.busiest() {
		direction := "→"
		if !c.Directed {
			direction = "direction not known"
		}
		said := "nothing odd seen"
		switch t := troubleOf(c, d.At); {
		case t.text != "":
			said = t.text
		case c.Status == topology.Old:
			said = "idle, last seen " + moment(c.LastSeen)
		case c.Health == nil:
			said = ""
		}
		rows = append(rows, cells(d.client(c), direction, d.server(c), strconv.Itoa(c.Count), evidence(&c.Evidence), said))
	}
	d.table("Who uses what", "No connection is shown.", []string{"Client", "", "Server", "Open now", "Seen from", "Health"}, rows)
}

// unknown says what the chart can't know.
func (d *document) unknown() {
	d.put("\n## What is not known\n\n")
	var silent, left, unheard []string
	undirected, nameless := 0, 0
	for _, n := range d.boxes() {
		switch {
		case n.State == topology.Stale:
			silent = append(silent, titleOf(n))
		case n.State.OnPurpose():
			left = append(left, titleOf(n)+" ("+stateWord(n)+")")
		case unreported(n):
			unheard = append(unheard, titleOf(n))
		}
	}
	for i := range d.Connections {
		if !d.Connections[i].Directed {
			undirected++
		}
		if d.Connections[i].Client.Process == "" && d.showsServices() {
			nameless++
		}
	}
	said := false
	line := func(n int, text string) {
		if n > 0 {
			d.put("- ", escapeMarkdown(text), "\n")
			said = true
		}
	}
	line(len(silent), "Silent, so that what they show is what was seen last: "+some(silent))
	line(len(left), "Gone on purpose, so that what they show is as of then: "+some(left))
	line(len(unheard), "Known from others only, as they don't report: "+some(unheard))
	line(d.Coverage.OneSided, plural(d.Coverage.OneSided, "connection is", "connections are")+" seen from one end only, though both could report")
	line(d.Coverage.Hidden, plural(d.Coverage.Hidden, "process has a name", "processes have names")+" that the agent may not see")
	line(nameless, plural(nameless, "connection has", "connections have")+" no named client process")
	line(undirected, plural(undirected, "connection has", "connections have")+" no known direction")
	for _, g := range d.Gaps {
		line(1, gapText(&g))
	}
	line(d.Hidden.Services+d.Hidden.Connections, capital(d.hiddenText()))
	if !said {
		d.put("Nothing that the chart would tell of. Connections shorter than the agents' looks may be missed where the kernel doesn't count them.\n")
	}
}

// mostNamed is how many names a sentence lists.
const mostNamed = 20

func some(list []string) string {
	if len(list) <= mostNamed {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:mostNamed], ", ") + fmt.Sprintf(" and %d more", len(list)-mostNamed)
}

func gapText(g *history.Gap) string {
	who, until := "Nothing was", "still lasting"
	if g.Node != "" {
		who = clean(g.Node) + " was not"
	}
	if !g.To.IsZero() {
		until = "until " + moment(g.To)
	}
	return who + " seen from " + moment(g.From) + ", " + until
}

// safeCell makes a text one that spreadsheets take as text: what begins like a formula
// gets a quote before it (https://owasp.org/www-community/attacks/CSV_Injection).
func safeCell(text string) string {
	text = clean(text)
	if strings.ContainsRune("=+-@|%", []rune(text + " ")[0]) {
		return "'" + text
	}
	return text
}

var csvHead = []string{
	"client_node", "client_process", "server_node", "server_process", "protocol", "port", "open", "opened",
	"first_seen", "last_seen", "directed", "status", "seen_from", "confirmed", "at", "data",
}

// writeCSV writes who uses what (RFC 4180), a line for each connection.
func writeCSV(w *writer, c *Chart) {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	put := func(row []string) {
		if err := out.Write(row); err != nil && w.err == nil {
			w.err = err
		}
	}
	put(csvHead)
	for i := range c.Connections {
		e := &c.Connections[i]
		put([]string{
			safeCell(e.Client.Node), safeCell(e.Client.Process), safeCell(e.Server.Node), safeCell(e.Server.Process),
			safeCell(string(e.Protocol)), strconv.FormatUint(uint64(e.Server.Port), 10), strconv.Itoa(e.Count), strconv.FormatUint(e.Opened, 10),
			stamp(e.FirstSeen), stamp(e.LastSeen), strconv.FormatBool(e.Directed), string(e.Status),
			evidence(&e.Evidence), strconv.FormatBool(e.Evidence.Confirmed), stamp(c.At), string(c.Data),
		})
	}
	if out.Flush(); w.err == nil {
		w.err = out.Error()
	}
}

// stamp is a time for programs; "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// writeJSON writes the chart as the API answers it, and what is said around it.
func writeJSON(w *writer, c *Chart) {
	out := *c
	if out.Alerts == nil {
		out.Alerts = []Alert{}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	if err := enc.Encode(&out); err != nil && w.err == nil {
		w.err = err
	}
}

// SortAlerts puts the worst first, and those that nobody takes care of before the others.
func SortAlerts(list []Alert) {
	rank := func(a *Alert) int {
		if a.Handled || a.Stale {
			return a.Status.Severity() - 100
		}
		return a.Status.Severity()
	}
	slices.SortStableFunc(list, func(a, b Alert) int { return rank(&b) - rank(&a) })
}
