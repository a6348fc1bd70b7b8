package replica

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/store"
)

// maxWaiting bounds what waits to be told.
const maxWaiting = 16 << 20

// sendWithin is how long sending one message may take.
const sendWithin = 5 * time.Second

// errCrowded refuses what finds no room in an outbox.
var errCrowded = errors.New("too much waits to be told to the other servers: try again")

// outbox tells a topic what it is given. While one message is on its way, what
// comes joins the next one.
type outbox struct {
	bus   store.Bus
	topic string
	from  string
	packing

	mu      sync.Mutex
	waiting []entry
	size    int
	wake    chan struct{} // holds one
}

func newOutbox(bus store.Bus, topic, from string, p packing) *outbox {
	return &outbox{bus: bus, topic: topic, from: from, packing: p, wake: make(chan struct{}, 1)}
}

// put takes an entry in. It never blocks.
func (o *outbox) put(e entry) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.size > maxWaiting {
		return errCrowded
	}
	o.waiting = append(o.waiting, e)
	o.size += len(e.data)
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return nil
}

// bytes is how much waits.
func (o *outbox) bytes() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.size
}

// run sends until ctx ends. failed is told what was not sent, and why.
func (o *outbox) run(ctx context.Context, term func() uint64, failed func([]entry, error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.wake:
		}
		o.flush(context.WithoutCancel(ctx), term, failed)
	}
}

// flush sends what waits.
func (o *outbox) flush(ctx context.Context, term func() uint64, failed func([]entry, error)) {
	for batch := o.take(); len(batch) > 0; batch = o.take() {
		ctx, cancel := context.WithTimeout(ctx, sendWithin)
		_, err := o.bus.Publish(ctx, o.topic, store.Message{From: o.from, Term: term(), Kind: "batch", Data: o.pack(batch)})
		cancel()
		if err != nil {
			failed(batch, err)
			continue
		}
		for i := range batch {
			if batch[i].sent != nil {
				batch[i].sent()
			}
		}
	}
}

// take removes as many entries as one message holds.
func (o *outbox) take() []entry {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, size := 0, 0
	for n < len(o.waiting) && size < maxBatch {
		size += len(o.waiting[n].data)
		n++
	}
	batch := o.waiting[:n:n]
	o.waiting = o.waiting[n:]
	o.size -= size
	return batch
}
