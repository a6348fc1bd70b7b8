package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// The times of a desk.
const (
	sendTime = 30 * time.Second // that one delivery may take
	minAgain = 5 * time.Second  // until what failed is tried again, doubled each time
	maxAgain = 5 * time.Minute
	// endedFor is how long an incident that ended is known, so that those who
	// couldn't be reached are told when they can.
	endedFor = 24 * time.Hour
)

// maxOpen is how many incidents a desk looks after. Those beyond are counted, and
// told when there is room.
const maxOpen = 10_000

// Mark is what a receiver was told last of an incident.
type Mark struct {
	News  News      `json:"news"`
	Cause string    `json:"cause,omitempty"`
	At    time.Time `json:"at"`
	// Opened is [Incident.Opened] as it was told.
	Opened time.Time `json:"opened"`
}

// Ledger keeps marks, over restarts and for whichever server tells next.
type Ledger interface {
	// Marks are those of a receiver, by incident.
	Marks(receiver string) (map[string]Mark, error)
	// Keep keeps one; nil forgets it. When it returns nil that is durable.
	Keep(ctx context.Context, receiver, incident string, m *Mark) error
}

// Painter draws the piece of chart that an incident is about, as SVG.
type Painter func(ctx context.Context, incident string) ([]byte, error)

// Receiver is one who is told.
type Receiver struct {
	Options Options
	Sender  Sender
}

// Delivery is how it goes with a receiver.
type Delivery struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	// Sent and Failed are since the start of this server.
	Sent   int `json:"sent"`
	Failed int `json:"failed"`
	// Waiting is how many notices are due and not delivered.
	Waiting  int       `json:"waiting"`
	LastSent time.Time `json:"last_sent,omitzero"`
	// Error is what went wrong last, empty after a success; Since is since when
	// nothing was delivered.
	Error string    `json:"error,omitempty"`
	Since time.Time `json:"since,omitzero"`
}

// Desk tells receivers about incidents.
type Desk struct {
	ledger Ledger
	paint  Painter
	log    *slog.Logger
	clerks []*clerk

	mu        sync.Mutex
	incidents map[string]*Incident
}

// NewDesk makes a desk. paint may be nil.
func NewDesk(receivers []Receiver, ledger Ledger, paint Painter, log *slog.Logger) *Desk {
	d := &Desk{ledger: ledger, paint: paint, log: log, incidents: map[string]*Incident{}}
	for i := range receivers {
		c := &clerk{desk: d, Receiver: receivers[i], wake: make(chan struct{}, 1), state: Delivery{Name: receivers[i].Options.Name, Kind: receivers[i].Options.Kind}}
		c.writer, _ = receivers[i].Options.Writer() // validated before
		if r, ok := c.Sender.(Repeater); ok {
			c.repeat = r.Repeat()
		}
		d.clerks = append(d.clerks, c)
	}
	return d
}

// Update says how an incident is now. It never blocks. The incident must not be
// changed afterwards.
func (d *Desk) Update(in *Incident) {
	d.mu.Lock()
	_, known := d.incidents[in.ID]
	if known || len(d.incidents) < maxOpen {
		d.incidents[in.ID] = in
	}
	d.mu.Unlock()
	for _, c := range d.clerks {
		c.rouse()
	}
}

// Run tells until ctx ends. It may be called again after that, but not twice at a
// time: of several servers one runs it.
func (d *Desk) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, c := range d.clerks {
		wg.Go(func() { c.run(ctx) })
	}
	wg.Wait()
}

// Deliveries says how it goes with the receivers, in the order of the configuration.
func (d *Desk) Deliveries() []Delivery {
	out := make([]Delivery, len(d.clerks))
	for i, c := range d.clerks {
		c.mu.Lock()
		out[i] = c.state
		c.mu.Unlock()
	}
	return out
}

// ErrNoReceiver is the error where there is none of a name.
var ErrNoReceiver = errors.New("there is no such receiver")

// Try sends a notice of an incident that is none to a receiver.
func (d *Desk) Try(ctx context.Context, name string) error {
	i := slices.IndexFunc(d.clerks, func(c *clerk) bool { return c.Options.Name == name })
	if i < 0 {
		return fmt.Errorf("telling %s: %w", name, ErrNoReceiver)
	}
	c := d.clerks[i]
	n := Sample(time.Now())
	if err := c.write(n); err != nil {
		return fmt.Errorf("telling %s: %w", name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	if err := c.Sender.Send(ctx, n); err != nil {
		return fmt.Errorf("telling %s: %w", name, err)
	}
	return nil
}

// current are the incidents as they are now, the oldest first. Those that ended long
// ago are forgotten.
func (d *Desk) current(now time.Time) []*Incident {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]*Incident, 0, len(d.incidents))
	for id, in := range d.incidents {
		if !in.Ended.IsZero() && now.Sub(in.Ended) > endedFor {
			delete(d.incidents, id)
			continue
		}
		list = append(list, in)
	}
	slices.SortFunc(list, func(a, b *Incident) int { return cmp.Or(a.Opened.Compare(b.Opened), cmp.Compare(a.ID, b.ID)) })
	return list
}

// picture is the SVG of an incident, or nil: a notice without one is better than
// none.
func (d *Desk) picture(ctx context.Context, in *Incident) []byte {
	if d.paint == nil {
		return nil
	}
	svg, err := d.paint(ctx, in.ID)
	if err != nil {
		d.log.Warn("a notice goes without its piece of chart", "incident", in.ID, "error", err)
		return nil
	}
	return svg
}
