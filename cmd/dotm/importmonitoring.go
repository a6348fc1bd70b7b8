package main

import (
	"cmp"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/redis"
)

// takenSource is what the original's monitoring instance is called here. It was read by
// status.cgi with jsonoutput, which is Icinga 1.
const takenSource = string(monitor.Icinga)

// takeMonitoring takes what the original knows of its monitoring: what hosts are called
// there, which checks belong to which processes, and where it is read.
func (t *takenOver) takeMonitoring(found *redis.Original) {
	t.takeAliases(found.Settings[redis.SeedAliases].Table)
	t.takeMapping(found.Settings[redis.SeedMapping].Table)
	t.takeSource(found.Settings[redis.SeedNagios].Table)
}

// takeAliases takes those that are valid; each other is said.
func (t *takenOver) takeAliases(table map[string]string) {
	aliases, folded := map[string]string{}, map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		one, key := map[string]string{name: table[name]}, strings.ToLower(name)
		other, twice := folded[key]
		switch _, err := mapping.Compile(mapping.Settings{Aliases: one}); {
		case err != nil:
			t.note("%v", err)
		case twice && other != table[name]:
			t.note("alias %.80q of %.80q: in other letters it is that of %.80q", name, table[name], other)
		case len(aliases) == mapping.MaxAliases:
			t.note("aliases from %.80q on: there are at most %d", name, mapping.MaxAliases)
			t.try(redis.SeedAliases, store.Patch{Aliases: &aliases})
			return
		default:
			aliases[name], folded[key] = table[name], table[name]
		}
	}
	if len(aliases) > 0 {
		t.try(redis.SeedAliases, store.Patch{Aliases: &aliases})
	}
}

// takeMapping takes the rules that are valid, in the order of their checks, as a table
// has none; each other is said.
func (t *takenOver) takeMapping(table map[string]string) {
	var rules []mapping.Rule
	for _, check := range slices.Sorted(maps.Keys(table)) {
		one := mapping.Rule{Check: check, Process: table[check]}
		if _, err := mapping.Compile(mapping.Settings{Rules: []mapping.Rule{one}}); err != nil {
			t.note("mapping of %.80q to %.80q: %v", check, table[check], err)
			continue
		}
		if len(rules) == mapping.MaxRules {
			t.note("mapping from %.80q on: there are at most %d rules", check, mapping.MaxRules)
			break
		}
		rules = append(rules, one)
	}
	if rules != nil {
		t.try(redis.SeedMapping, store.Patch{Mapping: &rules})
	}
}

// takeSource has the original's monitoring instance read as a source.
func (t *takenOver) takeSource(table map[string]string) {
	if len(table) == 0 {
		return
	}
	o := monitor.Options{
		Name: takenSource, Kind: monitor.Icinga, URL: strings.TrimSpace(table["url"]), User: table["user"],
		Password: cmp.Or(table["password"], table["passwd"], table["pass"]),
	}
	if u, err := url.Parse(o.URL); err == nil && u.User != nil { // a login has fields of its own
		secret, _ := u.User.Password()
		o.User, o.Password = cmp.Or(o.User, u.User.Username()), cmp.Or(o.Password, secret)
		u.User = nil
		o.URL = u.String()
	}
	if d, ok := t.duration(redis.SeedNagios, table, "refresh", time.Second); ok && d != 0 {
		o.Interval = d
	}
	err := o.Validate()
	if err == nil {
		_, err = newMonitor(o)
	}
	if err != nil {
		t.note("monitoring instance: %v", inOneLine(err))
		return
	}
	t.sources = append(t.sources, o)
	if d, ok := t.duration(redis.SeedNagios, table, "expire", time.Second); ok {
		t.try(redis.SeedNagios+" expire", store.Patch{CheckExpiry: &d})
	}
}

// inOneLine is an error whose parts stand in one line.
func inOneLine(err error) error {
	return errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
}

// shownSources are the sources as people may see them: without passwords.
func (t *takenOver) shownSources() []monitor.Options {
	out := slices.Clone(t.sources)
	for i := range out {
		out[i].Password = ""
	}
	return out
}
