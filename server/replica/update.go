package replica

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Update is what changed on the leader's chart from one moment to another.
type Update struct {
	Revision topology.Revision `json:"revision"`
	At       time.Time         `json:"at"`
	// Whole says that nothing but what is put stands any more.
	Whole  bool              `json:"whole,omitempty"`
	Put    []*topology.Block `json:"put,omitempty"`
	Delete []string          `json:"delete,omitempty"`
	// Times are the last reports of nodes of which nothing else changed.
	Times map[string]time.Time `json:"times,omitempty"`
	// More follows before it makes a snapshot.
	More bool `json:"more,omitempty"`
}

// updateOf compares two snapshots; a may be nil.
func updateOf(a, b *topology.Snapshot) *Update {
	u := &Update{Revision: b.Revision(), At: b.At(), Times: map[string]time.Time{}}
	if a == nil {
		u.Whole, a = true, topology.Empty(b.Revision(), b.At())
	}
	for block := range b.Blocks() {
		before := a.Block(block.Node.Name)
		switch {
		case before == block:
		case before != nil && topology.OnlyTimes(before, block):
			u.Times[block.Node.Name] = block.Node.LastReport
		default:
			u.Put = append(u.Put, block)
		}
	}
	for block := range a.Blocks() {
		if b.Block(block.Node.Name) == nil {
			u.Delete = append(u.Delete, block.Node.Name)
		}
	}
	return u
}

// perPart is how many blocks one part of an update holds.
const perPart = 200

// parts cuts an update into such as fit into messages.
func (u *Update) parts() []*Update {
	var out []*Update
	for len(u.Put) > perPart {
		out = append(out, &Update{Revision: u.Revision, At: u.At, Whole: u.Whole, Put: u.Put[:perPart], More: true})
		u = &Update{Revision: u.Revision, At: u.At, Put: u.Put[perPart:], Delete: u.Delete, Times: u.Times}
	}
	return append(out, u)
}

// joined is one update of all parts of it.
func joined(parts []*Update) *Update {
	if len(parts) == 1 {
		return parts[0]
	}
	u := *parts[len(parts)-1]
	u.Whole, u.Put = parts[0].Whole, nil
	for _, p := range parts {
		u.Put = append(u.Put, p.Put...)
	}
	return &u
}

// Apply makes the snapshot that an update leads to.
func (u *Update) Apply(s *topology.Snapshot) *topology.Snapshot {
	if u.Whole {
		s = topology.Empty(u.Revision, u.At)
	}
	e := s.Edit()
	for _, b := range u.Put {
		e.Put(b)
	}
	for _, name := range u.Delete {
		e.Delete(name)
	}
	for name, at := range u.Times {
		if b := e.Block(name); b != nil {
			later := *b
			later.Node.LastReport = at
			e.Put(&later)
		}
	}
	return e.Commit(u.Revision, u.At)
}

func (u *Update) encode() []byte {
	raw, err := json.Marshal(u)
	if err != nil {
		panic(fmt.Sprintf("encoding update: %v", err)) // its types always can be
	}
	return raw
}

func decodeUpdate(raw []byte) (*Update, error) {
	u := new(Update)
	if err := json.Unmarshal(raw, u); err != nil {
		return nil, fmt.Errorf("reading update: %w", err)
	}
	for _, b := range u.Put {
		if b == nil || b.Node.Name == "" {
			return nil, errors.New("reading update: a block has no node name")
		}
	}
	return u, nil
}
