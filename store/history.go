package store

import (
	"context"
	"time"

	"github.com/devops-trouble-map/dotm/audit"
	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/topology"
)

// History is what an engine knows of the past. Ranges take in their start and
// leave out their end. Each method calls yield until that returns false.
type History interface {
	// Events are those of a range, in the order of their times, those of one
	// time in the order of their arrival.
	Events(ctx context.Context, from, to time.Time, yield func(topology.Event) bool) error
	// RecordsAt gives, for each node that has any, its newest record of that
	// moment or before, in no particular order of the nodes; before it in its
	// chain come those that it builds on, from its base on.
	RecordsAt(ctx context.Context, at time.Time, yield func(chain []Record) bool) error
	// Records are all of them, those of a node in the order of their times.
	Records(ctx context.Context, yield func(Record) bool) error
	// Uses are the ledger's entries of one service (see [Use]), or of all if it
	// is empty, in no particular order.
	Uses(ctx context.Context, service string, yield func(Use) bool) error
	// Gaps are those that reach into a range, in the order of their starts.
	Gaps(ctx context.Context, from, to time.Time, yield func(Gap) bool) error
	// Audit are the entries of the audit log of a range, in the order of their
	// times, those of one time in the order of their arrival. None is ever
	// changed.
	Audit(ctx context.Context, from, to time.Time, yield func(audit.Entry) bool) error
	// Extent says what there is; the audit log does not count.
	Extent(ctx context.Context) (Extent, error)
}

// Record is a node's state, as package history makes it; an engine does not look
// into its data. A later one of the same node and millisecond replaces it.
type Record = history.Record

// Use is an entry of the ledger.
type Use = history.Use

// Gap is a time in which nothing was seen.
type Gap = history.Gap

// Forget says what the history may lose. If there is very much of it, one write
// drops only the oldest part.
type Forget struct {
	// Before drops events and gaps before it, and records that are not needed to
	// tell any moment from then on; zero keeps all.
	Before time.Time
	// Uses drops entries of the ledger that were last used before it.
	Uses time.Time
	// Audit drops entries of the audit log from before it.
	Audit time.Time
	// Bytes drops the oldest events and records while all of them take more than
	// that; zero is no limit.
	Bytes int64
}

// Extent is how much history there is.
type Extent struct {
	Events  int64 // how many
	Records int64
	Uses    int64
	// Bytes is what all of the history takes up in the engine, about.
	Bytes int64
	// From is the oldest moment that can be told; zero if there is none.
	From time.Time
}

// Losses count what was lost since the start, or may be.
type Losses struct {
	// Events were dropped, because they could not be written for too long.
	Events uint64
	// Lapses is how often the store turned out to lack what it had acknowledged.
	Lapses uint64
	// Unconfirmed counts events that no replica of the store confirmed in time: if
	// its master dies right then, they are lost.
	Unconfirmed uint64
}

// Leaser hands out leases, where several servers share a store.
type Leaser interface {
	// Lease takes or renews the lease of a name for ttl, and says who has it
	// now: the asker, or who came first. Each time that it changes hands its
	// term is higher than all before.
	Lease(ctx context.Context, name, holder string, ttl time.Duration) (Lease, error)
	// Release gives it back, if the holder has it.
	Release(ctx context.Context, name, holder string) error
}

// Lease is who may do something, until it expires.
type Lease struct {
	Holder string
	Term   uint64
}

// Bus carries what the servers that share a store tell each other.
type Bus interface {
	// Publish appends a message to a topic and returns its id. Topics keep the
	// newest messages, at least those of a minute.
	Publish(ctx context.Context, topic string, m Message) (id string, err error)
	// Tail yields the messages of a topic after an id ("" is the oldest that is
	// kept) as they come, until yield returns false or ctx ends.
	Tail(ctx context.Context, topic, after string, yield func(Message) bool) error
}

// Message is one thing that a server tells the others.
type Message struct {
	ID   string // given by the bus, ascending
	From string // the server's name
	Term uint64 // of the lease by which it speaks; 0 if it needs none
	Kind string
	Data []byte
}
