package livestatus

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
)

// patience is how long something may take that is waited for.
const patience = 30 * time.Second

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// listen answers each connection by what a function makes of its request.
func listen(t testing.TB, network, addr string, answer func(request string) string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn, answer)
		}
	}()
	return l
}

func serve(conn net.Conn, answer func(string) string) {
	defer func() { _ = conn.Close() }()
	var request strings.Builder
	for lines := bufio.NewReader(conn); ; {
		line, err := lines.ReadString('\n')
		if err != nil || line == "\n" {
			break
		}
		request.WriteString(line)
	}
	_, _ = conn.Write([]byte(answer(request.String())))
}

// source is one for what listens at an address.
func source(t testing.TB, answer func(request string) string) *Source {
	t.Helper()
	l := listen(t, "tcp", "127.0.0.1:0", answer)
	return at(t, monitor.Options{URL: "tcp://" + l.Addr().String()})
}

func at(t testing.TB, opt monitor.Options) *Source {
	t.Helper()
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func reply(status int, body string) string {
	return fmt.Sprintf("%d %11d\n%s", status, len(body), body)
}

// core answers as a Livestatus does that holds some tables; the first row of each
// names its columns.
type core struct {
	tables map[string][][]any
	// unknown refuses a column that isn't there; nil has its cells be null.
	unknown func(table, column string) string
	queries []string
	mu      sync.Mutex
}

// captured is a core with what Icinga 2 once answered.
func captured(t testing.TB) *core {
	t.Helper()
	c := &core{tables: map[string][][]any{}, unknown: func(table, column string) string {
		return reply(452, fmt.Sprintf("Error: Column '%s' does not exist in table '%s'.\nStacktrace: …", column, table))
	}}
	for _, name := range []string{"status", "hosts", "services"} {
		text, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		var rows [][]any
		if err := json.Unmarshal(text[headerSize:], &rows); err != nil {
			t.Fatal(err)
		}
		c.tables[name] = rows
	}
	return c
}

func (c *core) answer(request string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queries = append(c.queries, request)
	first, rest, _ := strings.Cut(request, "\n")
	rows, ok := c.tables[strings.TrimPrefix(first, "GET ")]
	if !ok {
		return reply(404, "Table 'x' does not exist.")
	}
	columns, _, _ := strings.Cut(strings.TrimPrefix(rest, "Columns: "), "\n")
	var out [][]any
	for _, r := range rows[1:] {
		var cells []any
		for _, column := range strings.Fields(columns) {
			i := slices.Index(rows[0], any(column))
			switch {
			case i >= 0:
				cells = append(cells, r[i])
			case c.unknown == nil:
				cells = append(cells, nil)
			default:
				return c.unknown(strings.TrimPrefix(first, "GET "), column)
			}
		}
		out = append(out, cells)
	}
	var text bytes.Buffer
	if out == nil {
		return reply(200, "[]")
	}
	_ = json.NewEncoder(&text).Encode(out)
	return reply(200, text.String())
}

// each changes every cell of a column.
func (c *core) each(table, column string, change func(any) any) {
	rows := c.tables[table]
	for _, r := range rows[1:] {
		i := slices.Index(rows[0], any(column))
		r[i] = change(r[i])
	}
}

// find is the check of a host, or of a service of it.
func find(t testing.TB, r *monitor.Reading, host, name string) *mapping.Check {
	t.Helper()
	for i := range r.Checks {
		if c := &r.Checks[i]; c.Host == host && c.Name == name {
			return c
		}
	}
	t.Fatalf("there is no %s!%s among %d checks", host, name, len(r.Checks))
	return nil
}

func hostOf(t testing.TB, r *monitor.Reading, name string) *mapping.Host {
	t.Helper()
	for i := range r.Hosts {
		if r.Hosts[i].Name == name {
			return &r.Hosts[i]
		}
	}
	t.Fatalf("there is no host %s", name)
	return nil
}

// brief is a check in a line: status, then what is said of it.
func brief(c *mapping.Check) string {
	words := []string{string(c.Status)}
	for _, w := range []struct {
		is   bool
		word string
	}{{!c.Hard, "soft"}, {c.Acknowledged, "acknowledged"}, {c.Downtime, "downtime"}, {c.Flapping, "flapping"}, {c.Suppressed, "suppressed"}, {c.Open(), "open"}} {
		if w.is {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, " ")
}
