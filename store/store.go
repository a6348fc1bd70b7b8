// Package store says what dotm keeps over a restart, and how it fails. The
// engines are its leaves; storetest is the suite that each of them passes.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/devops-trouble-map/dotm/audit"
	"github.com/devops-trouble-map/dotm/topology"
)

// Store is what an engine offers. All methods are safe for concurrent use.
// Times are kept to the millisecond at least.
type Store interface {
	// Load returns the state as last written; zero for a new store.
	Load(ctx context.Context) (State, error)
	// Write applies a change as a whole or not at all. When it returns nil the
	// change survives the death of the process and of the machine.
	Write(ctx context.Context, c Change) error
	History
	// Replace has fill write all that the store is to hold from now on, into an
	// empty one. If fill fails, nothing is replaced where the engine can do so;
	// else the store says at its next opening that this was not finished.
	Replace(ctx context.Context, fill func(Store) error) error
	// Close ends all use. It may be called once.
	Close() error
}

// State is everything a server needs to go on where it stopped.
type State struct {
	Revision topology.Revision
	// Settings are what people changed; empty if nobody did.
	Settings Patch
	Blocks   []*topology.Block
	// Documents are in no particular order.
	Documents []Document
	// Alive is when the server last said that it runs; zero for a new store.
	Alive time.Time
}

// Document is something that people decided, or that must not be lost with the
// live state: a node to ask, an enrolled agent, a login. The engine does not
// look into it.
type Document struct {
	// Kind says whose it is ("target", "agent", …), Key names it within its
	// kind. Both are 1 to 255 bytes; a kind has no NUL.
	Kind, Key string
	// Value is what the owner wrote, usually JSON.
	Value []byte
}

// DocumentKey names a document.
type DocumentKey struct{ Kind, Key string }

// Change is one atomic write. Empty parts stay as they are.
type Change struct {
	Revision topology.Revision // written if its epoch is set
	Put      []*topology.Block // added or replaced, by node name
	Delete   []string          // node names
	Append   []topology.Event  // appended to the history
	Settings *Patch            // replaces what was stored
	Keep     []Document        // added or replaced, by kind and key
	Drop     []DocumentKey     // dropped, before Keep is written
	Alive    time.Time         // replaces what was stored, if it is set
	Records  []Record          // added to the history of their nodes
	Uses     []Use             // merged into the ledger, see [Use.Merge]
	Gaps     []Gap             // added or replaced, by node and From
	Audit    []audit.Entry     // appended to the audit log
	Forget   Forget
}

// Empty reports whether c would write nothing.
func (c *Change) Empty() bool {
	return c.Revision.Epoch == "" && len(c.Put) == 0 && len(c.Delete) == 0 &&
		len(c.Append) == 0 && c.Settings == nil && len(c.Keep) == 0 && len(c.Drop) == 0 &&
		c.Alive.IsZero() && len(c.Records) == 0 && len(c.Uses) == 0 && len(c.Gaps) == 0 && len(c.Audit) == 0 && c.Forget == Forget{}
}

// Errors that opening a store wraps. Their messages say what to do.
var (
	ErrInUse   = errors.New("data folder is in use by another dotm")
	ErrForeign = errors.New("not a dotm database")
	ErrDamaged = errors.New("database is damaged")
	ErrNewer   = errors.New("database was written by a newer dotm")
)

// ErrFull is wrapped by the error of a write for which there was no room. What was
// written before is whole, and writing goes on when there is room.
var ErrFull = errors.New("no room to write")

// ErrClosed is returned by every method after Close.
var ErrClosed = errors.New("store is closed")
