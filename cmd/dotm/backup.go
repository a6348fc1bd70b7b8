package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// archiveTimeout bounds a backup, and a restore.
const archiveTimeout = time.Hour

type backupCmd struct {
	clientFlags
	File string `arg:"" help:"File to write. It must not exist." type:"path"`
}

// Run saves everything that a running server keeps. The file holds what must stay
// secret, so that its user alone may read it.
func (c *backupCmd) Run(ctx context.Context, g *globals) (err error) {
	if _, err := os.Lstat(c.File); err == nil {
		return fmt.Errorf("%s exists: name a new file, or remove it first", c.File)
	}
	ctx, cancel := context.WithTimeout(ctx, archiveTimeout)
	defer cancel()
	resp, err := c.ask(ctx, http.MethodGet, "/backup", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing to lose
	if resp.StatusCode != http.StatusOK {
		return decode(c.Server, resp, nil)
	}
	f, err := os.CreateTemp(filepath.Dir(c.File), ".dotm-backup-*") // mode 0600
	if err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it has its name by then, or is in nobody's way
	contents, err := save(ctx, f, resp.Body)
	if err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	if err := os.Rename(f.Name(), c.File); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	if g.JSON {
		return writeJSON(g.out, contents)
	}
	_, err = fmt.Fprintf(g.out, "%s: %s. It holds secrets (logins, agents, perhaps the CA's key): keep it safe.\n", c.File, spellContents(contents))
	return err
}

// save writes an archive and reads it again: what is not whole is no backup.
func save(ctx context.Context, f *os.File, from io.Reader) (c store.Contents, err error) {
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.Copy(f, from); err != nil {
		return c, err
	}
	if err := f.Sync(); err != nil {
		return c, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return c, err
	}
	return store.CheckArchive(ctx, f)
}

func spellContents(c store.Contents) string {
	return fmt.Sprintf("%d nodes, %d events, %d states of nodes, %d documents, as of %s", c.Nodes, c.Events, c.Records, c.Documents, c.Made.UTC().Format(time.RFC3339))
}

type restoreCmd struct {
	clientFlags
	File string `arg:"" help:"File that dotm backup wrote." type:"existingfile"`
	Yes  bool   `help:"Really replace everything that the server keeps."`
}

// Run replaces everything that a running server keeps.
func (c *restoreCmd) Run(ctx context.Context, g *globals) error {
	ctx, cancel := context.WithTimeout(ctx, archiveTimeout)
	defer cancel()
	f, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("reading the backup: %w", err)
	}
	defer f.Close() //nolint:errcheck // reading only
	contents, err := store.CheckArchive(ctx, f)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if !c.Yes {
		return fmt.Errorf("%s has %s: restoring it replaces everything that the server keeps now: say --yes if you mean it", c.File, spellContents(contents))
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("reading the backup: %w", err)
	}
	resp, err := c.ask(ctx, http.MethodPost, "/restore", f)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing to lose
	var done api.Restored
	if err := decode(c.Server, resp, &done); err != nil {
		return err
	}
	if g.JSON {
		return writeJSON(g.out, done)
	}
	_, err = fmt.Fprintf(g.out, "restored: %s\n", spellContents(contents))
	return err
}

type diffCmd struct {
	clientFlags
	From string `required:"" help:"The earlier moment: RFC 3339, or a duration ago like 24h." placeholder:"TIME"`
	To   string `help:"The later moment; without it, now." placeholder:"TIME"`
	Hide string `help:"What to leave out: none, or a list of ignored, infrastructure, observers; without it all of them." placeholder:"LIST"`
}

// Run prints what changed between two moments, a line each.
func (c *diffCmd) Run(ctx context.Context, g *globals) error {
	var d json.RawMessage
	if err := c.get(ctx, "/diff?"+query("from", before(c.From), "to", before(c.To), "hide", c.Hide), &d); err != nil {
		return err
	}
	if g.JSON {
		_, err := fmt.Fprintln(g.out, string(d))
		return err
	}
	var answer api.Difference
	if err := json.Unmarshal(d, &answer); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	lines := spellDiff(&answer)
	if len(lines) == 0 {
		lines = []string{"nothing changed"}
	}
	_, err := fmt.Fprintln(g.out, strings.Join(lines, "\n"))
	return err
}

// before lets a duration be written without the minus by which the API tells it from
// a time.
func before(moment string) string {
	if d, err := time.ParseDuration(moment); err == nil && d > 0 {
		return "-" + moment
	}
	return moment
}

// spellDiff says each change in words; what begins with + is there now, what
// begins with - was there.
func spellDiff(d *api.Difference) (lines []string) {
	for _, n := range d.Nodes {
		lines = append(lines, spellChange(n.Change, "node "+n.Node.Name))
	}
	for _, s := range d.Services {
		lines = append(lines, spellChange(s.Change, fmt.Sprintf("service %s %s/%d %s", s.Service.Node, s.Service.Protocol, s.Service.Port, s.Service.Process)))
	}
	for _, x := range d.Connections {
		e := &x.Connection
		lines = append(lines, spellChange(x.Change, fmt.Sprintf("connection %s %s -> %s:%d", e.Client.Node, e.Client.Process, e.Server.Node, e.Server.Port)))
	}
	for _, x := range d.Checks {
		lines = append(lines, spellCheck(&x))
	}
	for _, gap := range d.Gaps {
		what := "anything"
		if gap.Node != "" {
			what = gap.Node
		}
		until := "now"
		if !gap.To.IsZero() {
			until = gap.To.UTC().Format(time.RFC3339)
		}
		lines = append(lines, fmt.Sprintf("? %s was not seen from %s to %s: %s", what, gap.From.UTC().Format(time.RFC3339), until, gap.Why))
	}
	return lines
}

// spellCheck says how a check differs: "check disk of web (nagios) OK -> CRITICAL".
func spellCheck(x *history.CheckChange) string {
	what := fmt.Sprintf("check of %s (%s)", x.Check.Host, x.Check.Source)
	if x.Check.Name != "" {
		what = fmt.Sprintf("check %s of %s (%s)", x.Check.Name, x.Check.Host, x.Check.Source)
	}
	switch {
	case x.Is == "":
		what += " was " + string(x.Was)
	case x.Was == "" || x.Was == x.Is:
		what += " " + string(x.Is)
	default:
		what += fmt.Sprintf(" %s -> %s", x.Was, x.Is)
	}
	return spellChange(x.Change, what)
}

func spellChange(c history.Change, what string) string {
	switch {
	case c.Change == topology.Vanished:
		return "- " + what
	case c.Returned:
		return "+ " + what + " (back again)"
	case c.Change == topology.Appeared:
		return "+ " + what
	}
	return "~ " + what + " (" + strings.Join(c.What, ", ") + ")"
}

// query writes the parameters that are not empty.
func query(pairs ...string) string {
	q := url.Values{}
	for pair := range slices.Chunk(pairs, 2) {
		if len(pair) == 2 && pair[1] != "" {
			q.Set(pair[0], pair[1])
		}
	}
	return q.Encode()
}
