package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"time"
)

// malformed says where JSON breaks, or which field has the wrong type or holds
// what cannot be read.
func malformed(err error, raw []byte) error {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return broken(cmp.Or(wrongType.Field, "report"), "must be "+kindOf(wrongType.Type), wrongType.Value)
	}
	if field := unreadable(raw); field != nil {
		return field
	}
	if v := peekVersion(raw); v != "" {
		return fmt.Errorf("report of version %s is malformed: %w", v, err)
	}
	return fmt.Errorf("report is not valid JSON: %w", err)
}

// kindOf names what JSON must hold for a Go type.
func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Uint16:
		return "a whole number from 0 to 65535"
	case reflect.Uint32:
		return "a whole number from 0 to 4294967295"
	case reflect.Uint64:
		return "a whole number, 0 or more"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	default: // addresses and times are structs that read strings
		if reflect.PointerTo(t).Implements(textType) {
			return "a string"
		}
		return "an object"
	}
}

var textType = reflect.TypeFor[interface{ UnmarshalText([]byte) error }]()

// peekVersion finds the version in a report that is otherwise unreadable.
func peekVersion(raw []byte) string {
	var head struct{ Version string }
	if json.Unmarshal(raw, &head) != nil {
		return ""
	}
	return head.Version
}

// spelled is the part of a report whose strings have a form of their own, kept
// as they were spelled: encoding/json doesn't say in which field it met one
// that it could not read.
type spelled struct {
	Time       *string
	Interfaces []struct{ Addresses []string }
	Namespaces []struct{ Addresses []string }
	Listeners  []struct{ Address string }
	// Local is empty for most rows, which is no fault.
	Connections []struct {
		Peer, Local, Called, Via string
		PeerNetwork              string `json:"peer_network"`
	}
	Forwards []struct{ From, To string }
	Sources  []struct{ Client, As, Server string }
}

// unreadable finds the first time or address that cannot be read; nil if there
// is none.
func unreadable(raw []byte) *FieldError {
	var s spelled
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil //nolint:nilerr // something else is wrong with it, and said already
	}
	if s.Time != nil && new(time.Time).UnmarshalText([]byte(*s.Time)) != nil {
		return broken("time", "must be a time of RFC 3339", *s.Time)
	}
	for _, p := range s.prefixes() {
		if _, err := netip.ParsePrefix(p.value); err != nil && p.value != "" {
			return broken(p.field, "must be an address with prefix length", p.value)
		}
	}
	for _, a := range s.addresses() {
		if _, err := netip.ParseAddr(a.value); err != nil && a.value != "" {
			return broken(a.field, "must be an IP address", a.value)
		}
	}
	for _, a := range s.ports() {
		if _, err := netip.ParseAddrPort(a.value); err != nil && a.value != "" {
			return broken(a.field, "must be an address and a port", a.value)
		}
	}
	return nil
}

func (s *spelled) prefixes() (all []text) {
	for i, in := range s.Interfaces {
		for j, p := range in.Addresses {
			all = append(all, text{fmt.Sprintf("interfaces[%d].addresses[%d]", i, j), p})
		}
	}
	for i, c := range s.Connections {
		all = append(all, text{fmt.Sprintf("connections[%d].peer_network", i), c.PeerNetwork})
	}
	return all
}

func (s *spelled) ports() (all []text) {
	for i, c := range s.Connections {
		all = append(all, text{fmt.Sprintf("connections[%d].via", i), c.Via})
	}
	for i, f := range s.Forwards {
		all = append(all, text{fmt.Sprintf("forwards[%d].from", i), f.From}, text{fmt.Sprintf("forwards[%d].to", i), f.To})
	}
	for i, c := range s.Sources {
		all = append(all, text{fmt.Sprintf("sources[%d].server", i), c.Server})
	}
	return all
}

func (s *spelled) addresses() (all []text) {
	for i, ns := range s.Namespaces {
		for j, a := range ns.Addresses {
			all = append(all, text{fmt.Sprintf("namespaces[%d].addresses[%d]", i, j), a})
		}
	}
	for i, l := range s.Listeners {
		all = append(all, text{fmt.Sprintf("listeners[%d].address", i), l.Address})
	}
	for i, c := range s.Connections {
		all = append(all, text{fmt.Sprintf("connections[%d].peer", i), c.Peer}, text{fmt.Sprintf("connections[%d].local", i), c.Local},
			text{fmt.Sprintf("connections[%d].called", i), c.Called})
	}
	for i, c := range s.Sources {
		all = append(all, text{fmt.Sprintf("sources[%d].client", i), c.Client}, text{fmt.Sprintf("sources[%d].as", i), c.As})
	}
	return all
}
