package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/topology"
)

// ErrNoPatch says that a patch is no JSON object at all.
var ErrNoPatch = errors.New("settings must be a JSON object like {\"ageing\": \"5m\"}")

// ParsePatch reads a patch from JSON. A setting that doesn't exist or has a
// value of the wrong form is an [*InvalidError], anything that is no object
// wraps [ErrNoPatch]. The values' own rules are [Settings.Validate]'s.
func ParsePatch(raw []byte) (Patch, error) {
	var p Patch
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return p, fmt.Errorf("%w: %w", ErrNoPatch, err)
	}
	if fields == nil {
		return p, fmt.Errorf("%w, is null", ErrNoPatch)
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names) // of several faults always the same is told
	for _, name := range names {
		if err := p.setField(name, fields[name]); err != nil {
			return Patch{}, err
		}
	}
	return p, nil
}

// setField reads one setting.
func (p *Patch) setField(name string, raw json.RawMessage) error {
	switch name {
	case "ageing":
		return read(name, raw, &p.Ageing)
	case "hide_after":
		return read(name, raw, &p.HideAfter)
	case "stale_after":
		return read(name, raw, &p.StaleAfter)
	case "retention":
		return read(name, raw, &p.Retention)
	case "internal_networks":
		return readList(name, "must be a network like 203.0.113.0/24", raw, &p.InternalNetworks)
	case "ignored_ports":
		return readList(name, "must be a port, 1 to 65535", raw, &p.IgnoredPorts)
	case "ignored_names":
		return readList(name, "must be a process name in quotes", raw, &p.IgnoredNames)
	}
	return &InvalidError{name, "must be one of " + strings.Join(settingNames(), ", "), "no setting"}
}

// settingNames are all there are.
func settingNames() []string {
	all := Patch{
		new(topology.Duration), new(topology.Duration), new(topology.Duration), new(topology.Duration),
		new([]netip.Prefix), new([]uint16), new([]string),
	}
	return all.Fields()
}

func read(name string, raw json.RawMessage, into **topology.Duration) error {
	var d topology.Duration
	if isNull(raw) || json.Unmarshal(raw, &d) != nil {
		return &InvalidError{name, "must be a duration like \"90s\" or \"5m\"", brief(raw)}
	}
	*into = &d
	return nil
}

func readList[T any](name, rule string, raw json.RawMessage, into **[]T) error {
	var items []json.RawMessage
	if isNull(raw) || json.Unmarshal(raw, &items) != nil {
		return &InvalidError{name, "must be a list", brief(raw)}
	}
	list := make([]T, len(items))
	for i, item := range items {
		if isNull(item) || json.Unmarshal(item, &list[i]) != nil {
			return &InvalidError{fmt.Sprintf("%s[%d]", name, i), rule, brief(item)}
		}
	}
	*into = &list
	return nil
}

func isNull(raw json.RawMessage) bool { return bytes.Equal(bytes.TrimSpace(raw), []byte("null")) }

// brief shows a value as it was written, cut to a readable length.
func brief(raw json.RawMessage) string {
	if len(raw) > 80 {
		return strings.ToValidUTF8(string(raw[:77]), "") + "…"
	}
	return string(raw)
}
