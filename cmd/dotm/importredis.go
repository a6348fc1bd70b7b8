package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/flags"
	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/config"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/server"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/redis"
	"github.com/devops-trouble-map/dotm/topology"
)

type importCmd struct {
	Redis importRedisCmd `cmd:"" help:"Take over the nodes and settings of an original installation from its Redis, which is only read."`
}

type importRedisCmd struct {
	URL          string `arg:"" help:"The original's Redis: redis://HOST:PORT/DB, rediss:// with TLS, unix:///PATH."`
	PasswordFile string `help:"File that holds its password." placeholder:"FILE" type:"path"`
	CAFile       string `help:"Certificates (PEM) to trust for rediss://, instead of the system's." placeholder:"FILE" type:"path"`
	SSHUser      string `help:"User to log in as, if the original asks its nodes over SSH." default:"root"`
	DryRun       bool   `help:"Say what would be taken over, and write nothing."`

	To struct {
		Data   string `help:"Data folder to take it into. The server must not run." placeholder:"DIR" type:"path" env:"DOTM_DATA"`
		Config string `help:"Configuration file that names the store." placeholder:"FILE" type:"path" env:"DOTM_CONFIG"`
		storeFlags
	} `embed:"" prefix:"to-"`
}

// Run reads the original, says what of it is taken, and writes that.
func (c *importRedisCmd) Run(ctx context.Context, g *console.Globals) error {
	opt := redis.Options{CAFile: c.CAFile}
	if c.PasswordFile != "" {
		var err error
		if opt, err = redisOptions(c.PasswordFile, c.CAFile); err != nil {
			return err
		}
	}
	found, err := redis.ReadOriginal(ctx, c.URL, opt)
	if err != nil {
		return err
	}
	t := takeOver(found, c.SSHUser)
	if !c.DryRun {
		if err := c.write(ctx, g, t); err != nil {
			return err
		}
	}
	if g.JSON {
		return console.WriteJSON(g.Out, map[string]any{"written": !c.DryRun, "nodes": t.urls(), "settings": t.settings, "sources": t.shownSources(), "notes": t.notes})
	}
	t.print(g.Out, c.DryRun)
	return nil
}

// write puts what is taken over into the store, beside what it holds.
func (c *importRedisCmd) write(ctx context.Context, g *console.Globals, t *takenOver) (err error) {
	var cfg config.Config
	if c.To.Config != "" {
		if cfg, err = config.Load(c.To.Config); err != nil {
			return err
		}
	}
	k, err := openStore(ctx, c.To.storeFlags, &cfg, cmp.Or(c.To.Data, cfg.Data, flags.DefaultData()), console.Log(g))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.Close()) }()
	release, err := k.alone(ctx)
	if err != nil {
		return err
	}
	defer release()
	state, err := k.Load(ctx)
	if err != nil {
		return err
	}
	change, err := t.change(&state, time.Now())
	if err != nil {
		return err
	}
	return k.Write(ctx, change)
}

// alone refuses a store that servers use now: they would not notice.
func (k *keepsWhat) alone(ctx context.Context) (release func(), err error) {
	if k.shared == nil {
		return func() {}, nil // nobody else can open it
	}
	lease, err := k.shared.Lease(ctx, server.LeaderLease, k.name, client.Timeout)
	if err != nil {
		return nil, err
	}
	if lease.Holder != k.name {
		return nil, fmt.Errorf("%s uses that redis now: stop the servers for the time of the import (or wait a few seconds if they just ended)", lease.Holder)
	}
	return func() { _ = k.shared.Release(ctx, server.LeaderLease, k.name) }, nil
}

// takenOver is what of an original installation goes into a store.
type takenOver struct {
	targets  []collect.Target
	settings store.Patch
	sources  []monitor.Options
	notes    []string // what is not taken, and why
}

// takeOver translates what an original installation keeps.
func takeOver(found *redis.Original, sshUser string) *takenOver {
	t := &takenOver{}
	t.takeNodes(found, sshUser)
	t.takeNetworks(found.Settings["other_internal_networks"])
	t.takeIgnored(found)
	t.takeTimes(found)
	t.takeMonitoring(found)
	if found.Snapshots > 0 {
		t.note("%d snapshots: history begins with the first report to dotm", found.Snapshots)
	}
	return t
}

func (t *takenOver) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// takeNodes has the nodes asked as the original asked them: over SSH, unless its
// settings say otherwise.
func (t *takenOver) takeNodes(found *redis.Original, sshUser string) {
	scheme := "ssh://" + sshUser + "@"
	switch method := found.Settings["fetch_method"].Text; method {
	case "", "ssh":
	case "agent":
		scheme = "text://"
	default:
		t.note("fetch_method %q, which is not known: its nodes are asked over SSH", method)
	}
	seen := map[string]bool{}
	for _, name := range found.Nodes {
		host := name
		if a, err := netip.ParseAddr(name); err == nil && a.Is6() {
			host = "[" + name + "]"
		}
		url, err := collect.ParseTarget(scheme + host)
		switch {
		case err != nil:
			t.note("node %.255q: %v", name, err)
		case !seen[url]:
			seen[url] = true
			t.targets = append(t.targets, collect.Target{URL: url})
		}
	}
}

// try takes settings if they are valid.
func (t *takenOver) try(name string, p store.Patch) {
	in := t.settings.Merge(p).Apply(store.Defaults())
	if err := in.Validate(); err != nil {
		t.note("setting %s: %v", name, err)
		return
	}
	t.settings = t.settings.Merge(p)
}

func (t *takenOver) takeNetworks(v redis.Setting) {
	var networks []netip.Prefix
	for _, word := range v.Words() {
		p, err := netip.ParsePrefix(word)
		if err != nil {
			t.note("internal network %.80q, which is none", word)
			continue
		}
		if p = p.Masked(); !slices.Contains(networks, p) {
			networks = append(networks, p)
		}
	}
	if networks != nil {
		t.try("other_internal_networks", store.Patch{InternalNetworks: &networks})
	}
}

func (t *takenOver) takeIgnored(found *redis.Original) {
	if v, ok := found.Settings["service_port_whitelist"]; ok {
		ports := []uint16{}
		for _, word := range v.Words() {
			if n, err := strconv.ParseUint(word, 10, 16); err != nil || n == 0 {
				t.note("ignored port %.80q, which is none", word)
			} else if !slices.Contains(ports, uint16(n)) {
				ports = append(ports, uint16(n))
			}
		}
		slices.Sort(ports)
		t.try("service_port_whitelist", store.Patch{IgnoredPorts: &ports})
	}
	if v, ok := found.Settings["service_name_whitelist"]; ok {
		names := []string{}
		for _, word := range v.Words() {
			if !slices.Contains(names, word) {
				names = append(names, word)
			}
		}
		t.try("service_name_whitelist", store.Patch{IgnoredNames: &names})
	}
}

// takeTimes takes the settings that are times. Where the original has one for
// services and one for connections the longer one counts, so that nothing goes
// earlier than it did.
func (t *takenOver) takeTimes(found *redis.Original) {
	if d, ok := t.longer(found, "aging", time.Second, false); ok {
		t.try("aging", store.Patch{Ageing: &d})
	}
	if d, ok := t.longer(found, "expire", 24*time.Hour, true); ok {
		t.try("expire", store.Patch{ExpireAfter: &d})
	}
	if d, ok := t.longer(found, "hiding", 24*time.Hour, true); ok {
		t.try("hiding", store.Patch{HideAfter: &d})
	}
	history := found.Settings["history"].Table
	if d, ok := t.duration("history", history, "expire", time.Second); ok {
		t.try("history", store.Patch{Retention: &d})
	}
	if d, ok := t.duration("history", history, "interval", time.Second); ok {
		t.try("history", store.Patch{KeyFrames: &d})
	}
	if history["enabled"] == "0" {
		none := topology.Duration(0)
		t.try("history", store.Patch{KeyFrames: &none})
	}
}

// longer is the longer of the times for services and connections; zero, for ever,
// is longest if it means that.
func (t *takenOver) longer(found *redis.Original, name string, unit time.Duration, zeroIsEver bool) (topology.Duration, bool) {
	table := found.Settings[name].Table
	a, okA := t.duration(name, table, "Services", unit)
	b, okB := t.duration(name, table, "Connections", unit)
	switch {
	case !okA || !okB:
		return max(a, b), okA || okB
	case a != b:
		t.note("setting %s: one time stands for services and connections, the longer one", name)
	}
	if zeroIsEver && (a == 0 || b == 0) {
		return 0, true
	}
	return max(a, b), true
}

// duration reads a number of a table.
func (t *takenOver) duration(name string, table map[string]string, field string, unit time.Duration) (topology.Duration, bool) {
	text, ok := table[field]
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/int64(unit) {
		t.note("setting %s: %s must be a number, is %.80q", name, field, text)
		return 0, false
	}
	return topology.Duration(time.Duration(n) * unit), true
}

// change is what is written beside what a store holds.
func (t *takenOver) change(state *store.State, now time.Time) (c store.Change, err error) {
	held := map[store.DocumentKey]bool{}
	for _, d := range state.Documents {
		held[store.DocumentKey{Kind: d.Kind, Key: d.Key}] = true
	}
	for _, target := range t.targets {
		if held[store.DocumentKey{Kind: collect.TargetKind, Key: target.URL}] {
			continue
		}
		target.Added = now.UTC().Truncate(time.Second)
		value, err := json.Marshal(target)
		if err != nil {
			return c, fmt.Errorf("taking over %s: %w", target.URL, err)
		}
		c.Keep = append(c.Keep, store.Document{Kind: collect.TargetKind, Key: target.URL, Value: value})
	}
	for i := range t.sources {
		o := &t.sources[i]
		if held[store.DocumentKey{Kind: server.SourceKind, Key: o.Name}] {
			continue
		}
		value, err := json.Marshal(o) //nolint:gosec // the store keeps it as it was given, as of sources that people add
		if err != nil {
			return c, fmt.Errorf("taking over source %s: %w", o.Name, err)
		}
		c.Keep = append(c.Keep, store.Document{Kind: server.SourceKind, Key: o.Name, Value: value})
	}
	if len(t.settings.Fields()) > 0 {
		merged := state.Settings.Merge(t.settings)
		if in := merged.Apply(store.Defaults()); in.Validate() != nil {
			return c, fmt.Errorf("taking over settings: they don't fit those of the store: %w", in.Validate())
		}
		c.Settings = &merged
	}
	return c, nil
}

func (t *takenOver) urls() []string {
	out := make([]string, 0, len(t.targets))
	for _, target := range t.targets {
		out = append(out, target.URL)
	}
	return out
}

func (t *takenOver) print(w io.Writer, dry bool) {
	verb := "Taken over"
	if dry {
		verb = "Would be taken over"
	}
	fmt.Fprintf(w, "%s: %s, %s, %s.\n", verb, console.Counted(len(t.targets), "node", "nodes"),
		console.Counted(len(t.settings.Fields()), "setting", "settings"), console.Counted(len(t.sources), "monitoring source", "monitoring sources"))
	for _, url := range t.urls() {
		fmt.Fprintf(w, "  %s\n", url)
	}
	raw, err := json.Marshal(t.settings)
	if err == nil && len(t.settings.Fields()) > 0 {
		fmt.Fprintf(w, "  %s\n", raw)
	}
	for _, o := range t.shownSources() {
		fmt.Fprintf(w, "  source %s: %s, as %q, every %s\n", o.Name, o.URL, o.User, o.Every())
	}
	for _, n := range t.notes {
		fmt.Fprintf(w, "Not taken: %s\n", n)
	}
	if !dry {
		fmt.Fprintln(w, "Start the server now: dotm node list and dotm source list show how asking them goes.")
	}
}
