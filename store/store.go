// Package store says what dotm keeps over a restart, and how it fails. The
// engines are its leaves; storetest is the suite that each of them passes.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Store is what an engine offers. All methods are safe for concurrent use.
type Store interface {
	// Load returns the state as last written; zero for a new store.
	Load(ctx context.Context) (State, error)
	// Write applies a change as a whole or not at all. When it returns nil the
	// change survives the death of the process and of the machine.
	Write(ctx context.Context, c Change) error
	// Events calls yield for each event with from <= At < to, in order, until
	// it returns false.
	Events(ctx context.Context, from, to time.Time, yield func(topology.Event) bool) error
	// Close ends all use. It may be called once.
	Close() error
}

// State is everything a server needs to go on where it stopped.
type State struct {
	Revision topology.Revision
	// Settings are what people changed; empty if nobody did.
	Settings Patch
	Blocks   []*topology.Block
}

// Change is one atomic write. Empty parts stay as they are.
type Change struct {
	Revision topology.Revision // written if its epoch is set
	Put      []*topology.Block // added or replaced, by node name
	Delete   []string          // node names
	Append   []topology.Event  // appended to the history
	Settings *Patch            // replaces what was stored
	// Forget drops the events before this time, if there are very many only the
	// oldest of them; zero keeps all.
	Forget time.Time
}

// Empty reports whether c would write nothing.
func (c *Change) Empty() bool {
	return c.Revision.Epoch == "" && len(c.Put) == 0 && len(c.Delete) == 0 &&
		len(c.Append) == 0 && c.Settings == nil && c.Forget.IsZero()
}

// Errors that opening a store wraps. Their messages say what to do.
var (
	ErrInUse   = errors.New("data folder is in use by another dotm")
	ErrForeign = errors.New("not a dotm database")
	ErrDamaged = errors.New("database is damaged")
	ErrNewer   = errors.New("database was written by a newer dotm")
)

// ErrClosed is returned by every method after Close.
var ErrClosed = errors.New("store is closed")
