package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/signal"
)

// Patch changes some settings; nil fields stay as they are. Its fields are those
// of [Settings], by name; the tag "rule" says what a value, or an entry of a
// list, must be like.
type Patch struct {
	Ageing           *topology.Duration `json:"ageing,omitempty" yaml:"ageing" rule:"must be a duration like \"90s\" or \"5m\""`
	HideAfter        *topology.Duration `json:"hide_after,omitempty" yaml:"hide_after" rule:"must be a duration like \"90s\" or \"5m\""`
	ExpireAfter      *topology.Duration `json:"expire_after,omitempty" yaml:"expire_after" rule:"must be a duration like \"90s\" or \"5m\""`
	StaleAfter       *topology.Duration `json:"stale_after,omitempty" yaml:"stale_after" rule:"must be a duration like \"90s\" or \"5m\""`
	Retention        *topology.Duration `json:"retention,omitempty" yaml:"retention" rule:"must be a duration like \"90s\" or \"5m\""`
	RetentionBytes   *int64             `json:"retention_bytes,omitempty" yaml:"retention_bytes" rule:"must be a number of bytes"`
	KeyFrames        *topology.Duration `json:"key_frames,omitempty" yaml:"key_frames" rule:"must be a duration like \"90s\" or \"5m\""`
	LedgerRetention  *topology.Duration `json:"ledger_retention,omitempty" yaml:"ledger_retention" rule:"must be a duration like \"90s\" or \"5m\""`
	AuditRetention   *topology.Duration `json:"audit_retention,omitempty" yaml:"audit_retention" rule:"must be a duration like \"90s\" or \"5m\""`
	PollInterval     *topology.Duration `json:"poll_interval,omitempty" yaml:"poll_interval" rule:"must be a duration like \"90s\" or \"5m\""`
	CheckExpiry      *topology.Duration `json:"check_expiry,omitempty" yaml:"check_expiry" rule:"must be a duration like \"90s\" or \"5m\""`
	Signals          *signal.Rules      `json:"signals,omitempty" yaml:"signals" rule:"must be like {\"slow\": {\"off\": false, \"limit\": 4, \"for\": \"30s\"}}"`
	Aliases          *map[string]string `json:"aliases,omitempty" yaml:"-" rule:"must be like {\"name in monitoring\": \"node\"}"`
	Mapping          *[]mapping.Rule    `json:"mapping,omitempty" yaml:"-" rule:"must be like {\"check\": \"^shop\", \"process\": \"nginx\"}"`
	InternalNetworks *[]netip.Prefix    `json:"internal_networks,omitempty" yaml:"internal_networks" rule:"must be a network like 203.0.113.0/24"`
	OutsideNetworks  *[]NamedNetwork    `json:"outside_networks,omitempty" yaml:"outside_networks" rule:"must be like {\"name\": \"provider\", \"networks\": [\"203.0.113.0/24\"]}"`
	VirtualAddresses *[]NamedAddress    `json:"virtual_addresses,omitempty" yaml:"virtual_addresses" rule:"must be like {\"address\": \"10.0.0.100\", \"name\": \"shop\"}"`
	Names            *[]NamedAddress    `json:"names,omitempty" yaml:"names" rule:"must be like {\"address\": \"10.0.0.7\", \"name\": \"printer\"}"`
	NamesBy          *NamesBy           `json:"names_by,omitempty" yaml:"names_by" rule:"must be none, hosts or resolver"`
	InternetSplit    *InternetSplit     `json:"internet_split,omitempty" yaml:"internet_split" rule:"must be none, country or owner"`
	IgnoredPorts     *[]uint16          `json:"ignored_ports,omitempty" yaml:"ignored_ports" rule:"must be a port, 1 to 65535"`
	IgnoredNames     *[]string          `json:"ignored_names,omitempty" yaml:"ignored_names" rule:"must be a process name in quotes"`
}

// Apply returns s with the patch's fields in place. It does not validate.
func (p Patch) Apply(s Settings) Settings {
	s = s.Clone()
	signals := s.Signals
	into := reflect.ValueOf(&s).Elem()
	for f := range p.each() {
		into.FieldByName(f.Name).Set(f.value.Elem())
	}
	if p.Signals != nil {
		s.Signals = p.Signals.Over(signals)
	}
	return s
}

// Merge returns p with the fields that q sets on top.
func (p Patch) Merge(q Patch) Patch {
	signals := p.Signals
	into := reflect.ValueOf(&p).Elem()
	for f := range q.each() {
		into.FieldByIndex(f.Index).Set(f.value)
	}
	if q.Signals != nil && signals != nil {
		merged := q.Signals.Over(*signals)
		p.Signals = &merged
	}
	return p
}

// Fields names the settings that the patch changes, as in JSON.
func (p Patch) Fields() []string {
	var out []string
	for f := range p.each() {
		out = append(out, jsonName(f.StructField))
	}
	return out
}

// patched is one field of a patch that is set.
type patched struct {
	reflect.StructField
	value reflect.Value // the pointer
}

// each yields the fields that are set.
func (p *Patch) each() func(yield func(patched) bool) {
	v := reflect.ValueOf(p).Elem()
	return func(yield func(patched) bool) {
		for _, f := range reflect.VisibleFields(v.Type()) {
			if value := v.FieldByIndex(f.Index); !value.IsNil() && !yield(patched{f, value}) {
				return
			}
		}
	}
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

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
	all := reflect.TypeFor[Patch]()
	names := make([]string, 0, all.NumField())
	for _, f := range reflect.VisibleFields(all) {
		names = append(names, jsonName(f))
		if jsonName(f) != name {
			continue
		}
		value, err := readValue(name, f.Tag.Get("rule"), raw, f.Type.Elem())
		if err == nil {
			reflect.ValueOf(p).Elem().FieldByIndex(f.Index).Set(value)
		}
		return err
	}
	return &InvalidError{name, "must be one of " + strings.Join(names, ", "), "no setting"}
}

// readValue reads a value, or a list entry by entry, and returns a pointer to
// it.
func readValue(name, rule string, raw json.RawMessage, t reflect.Type) (reflect.Value, error) {
	value := reflect.New(t)
	if t.Kind() != reflect.Slice {
		if isNull(raw) || strict(raw, value.Interface()) != nil {
			return value, &InvalidError{name, rule, brief(raw)}
		}
		return value, nil
	}
	var items []json.RawMessage
	if isNull(raw) || json.Unmarshal(raw, &items) != nil {
		return value, &InvalidError{name, "must be a list", brief(raw)}
	}
	list := reflect.MakeSlice(t, len(items), len(items))
	for i, item := range items {
		if isNull(item) || strict(item, list.Index(i).Addr().Interface()) != nil {
			return value, &InvalidError{fmt.Sprintf("%s[%d]", name, i), rule, brief(item)}
		}
	}
	value.Elem().Set(list)
	return value, nil
}

// strict refuses what it doesn't know, so that a typing mistake in an entry
// does not silently do nothing.
func strict(raw json.RawMessage, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func isNull(raw json.RawMessage) bool { return bytes.Equal(bytes.TrimSpace(raw), []byte("null")) }

// brief shows a value as it was written, cut to a readable length.
func brief(raw json.RawMessage) string {
	if len(raw) > 80 {
		return strings.ToValidUTF8(string(raw[:77]), "") + "…"
	}
	return string(raw)
}
