package keep

import (
	"context"
	"fmt"
	"time"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// begin finds out once whether the store holds any records. If it doesn't, all
// nodes are recorded as they are: what never changes is part of the past, too.
func (k *Keeper) begin(ctx context.Context) error {
	if k.begun {
		return nil
	}
	extent, err := k.store.Extent(context.WithoutCancel(ctx))
	if err != nil {
		err = fmt.Errorf("asking how much history there is: %w", err)
		k.outcome(err, &taken{}, 0)
		return err
	}
	k.begun = true
	if extent.Records == 0 {
		for name := range k.written {
			delete(k.written, name)
		}
	}
	return nil
}

// record adds the record of a node that changed in more than numbers and times, or
// whose last key frame is too old. before is nil for a new node.
func (k *Keeper) record(records []store.Record, s *store.Settings, before, b *topology.Block, at time.Time) []store.Record {
	if before != nil && topology.OnlyTimes(before, b) {
		return records
	}
	if before == nil || !history.Same(before, b) {
		return append(records, k.records.Record(b, at))
	}
	if k.frameDue(s, b, at) {
		return append(records, k.records.Whole(b, at))
	}
	return records
}

// frameDue says whether the last key frame of a node is too old.
func (k *Keeper) frameDue(s *store.Settings, b *topology.Block, at time.Time) bool {
	if s.KeyFrames <= 0 {
		return false
	}
	framed := k.records.Framed(b.Node.Name)
	if framed.IsZero() {
		framed = k.started
	}
	return at.Sub(framed) >= time.Duration(s.KeyFrames)
}

// unrecord forgets what was to be written, and was not: it is made again.
func (k *Keeper) unrecord(c *store.Change) {
	for i := range c.Records {
		k.records.Forget(c.Records[i].Node)
	}
	k.sweep = history.Sweep{}
}

// quietSweep is how many nodes the ledger looks at in one flush without anybody
// noticing. Each edge is an entry of its own once an hour, most of them in the first round
// of it.
const quietSweep = 20

// perSweep is how many nodes the ledger looks at in one flush: all within a minute, those
// of a large site within ten.
func perSweep(s *topology.Snapshot) int {
	return max(min(s.Len()/int(time.Minute/Every), quietSweep), s.Len()/int(10*time.Minute/Every)) + 1
}
