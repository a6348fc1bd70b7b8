package redis

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/devops-trouble-map/dotm/store"
)

// Bounds of what is read of an original installation.
const (
	maxOriginalNodes  = 10_000
	maxOriginalValues = 10_000 // of one setting
)

// Original is what an installation of the original keeps in its Redis that
// somebody decided. What its nodes are connected with they tell again.
type Original struct {
	// Nodes are its list of nodes, in its order.
	Nodes []string
	// Settings are those that somebody changed, by their names.
	Settings map[string]Setting
	// Snapshots is how many it holds.
	Snapshots int64
}

// Setting is one of the original: a text, a list, or a table.
type Setting struct {
	Text  string
	List  []string
	Table map[string]string
}

// originalSettings are the names of its settings.
var originalSettings = []string{
	"fetch_method", "other_internal_networks", SeedAliases, SeedNagios, "history", "aging", "expire", "hiding",
	SeedMapping, "service_port_whitelist", "service_name_whitelist",
}

// ReadOriginal reads what an original installation keeps, and writes nothing. The
// URL is like that of [Open]; its errors say what to do, and never a password.
func ReadOriginal(ctx context.Context, rawURL string, opt Options) (*Original, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	s, o, err := dial(rawURL, opt)
	if err != nil {
		return nil, err
	}
	defer s.Close() //nolint:errcheck // reading only
	if err := s.meet(ctx, o); err != nil {
		return nil, err
	}
	found := &Original{Settings: map[string]Setting{}}
	p := s.client.Pipeline()
	ours, nodes, snapshots := p.Exists(ctx, keyFormat), p.LRange(ctx, seedNodes, 0, maxOriginalNodes), p.LLen(ctx, seedHistory)
	if err := exec(ctx, p); err != nil {
		return nil, s.failed("reading", err)
	}
	found.Nodes, found.Snapshots = nodes.Val(), snapshots.Val()
	switch {
	case ours.Val() > 0:
		return nil, fmt.Errorf("%s is a store of dotm itself, not an original installation: serve from it with dotm serve --redis", s.where)
	case len(found.Nodes) > maxOriginalNodes:
		return nil, fmt.Errorf("%s lists more than %d nodes", s.where, maxOriginalNodes)
	}
	for _, name := range originalSettings {
		if err := s.readSetting(ctx, found, name); err != nil {
			return nil, err
		}
	}
	if len(found.Nodes) == 0 && len(found.Settings) == 0 {
		return nil, fmt.Errorf("%s: %w: it has neither a list dotm::nodes nor settings dotm::config::*: is it another database of that server (redis://HOST/1)?", s.where, store.ErrForeign)
	}
	return found, nil
}

// readSetting reads a setting in whatever form it is.
func (s *Store) readSetting(ctx context.Context, into *Original, name string) error {
	key := seedConfig + name
	kind, err := s.client.Type(ctx, key).Result()
	if err != nil {
		return s.failed("reading", err)
	}
	var v Setting
	size := 0
	switch kind {
	case "string":
		v.Text, err = s.client.Get(ctx, key).Result()
	case "list":
		v.List, err = s.client.LRange(ctx, key, 0, maxOriginalValues).Result()
		size = len(v.List)
	case "hash":
		if v.Table, err = s.client.HGetAll(ctx, key).Result(); err == nil {
			size = len(v.Table)
		}
	case "none":
		return nil
	default:
		return fmt.Errorf("%s: key %s is a %s, which the original never writes", s.where, key, kind)
	}
	if err != nil && err != redis.Nil { //nolint:errorlint // it is never wrapped
		return s.failed("reading", err)
	}
	if size > maxOriginalValues {
		return fmt.Errorf("%s: key %s has more than %d values", s.where, key, maxOriginalValues)
	}
	into.Settings[name] = v
	return nil
}

// Words are the values of a text or a list, which the original separates by
// commas in the one and by blanks in the other.
func (v Setting) Words() (out []string) {
	for _, text := range append([]string{v.Text}, v.List...) {
		out = append(out, strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' })...)
	}
	return out
}
