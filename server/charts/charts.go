// Package charts keeps where the boxes of the charts stand, so that everybody sees
// the same places, today, after a start, and on every server. Of those that share a
// store the one that leads writes them; the others take them over.
package charts

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/view"
)

// The kinds of documents that are kept here, by level.
const (
	ChartKind = "chart"
	PinsKind  = "pins"
)

// MaxPins is how many boxes of a level may stand where people put them, and
// MaxPlace how far from the chart's corner, in chart units.
const (
	MaxPins  = 10_000
	MaxPlace = 1_000_000
)

// writeEvery is how often places are written that changed.
const writeEvery = 15 * time.Second

// Site is where charts are kept.
type Site interface {
	// Leads says whether this server writes them for all.
	Leads() bool
	Documents(kind string) []store.Document
	ChangeDocuments(ctx context.Context, keep []store.Document, drop []store.DocumentKey) error
	// Decided is closed when another server changed documents.
	Decided() <-chan struct{}
	// Touch makes a new revision, in which charts are drawn again.
	Touch()
}

// PinError refuses a place.
type PinError struct{ Field, Rule, Value string }

// Error names the field, the rule and the value.
func (e *PinError) Error() string { return e.Field + " " + e.Rule + ", is " + e.Value }

// WrongField are the parts of the error.
func (e *PinError) WrongField() (field, rule, value string) { return e.Field, e.Rule, e.Value }

// Book has the places of the boxes on each level. Its methods are safe for
// concurrent use.
type Book struct {
	site Site
	log  *slog.Logger

	mu      sync.Mutex
	levels  map[view.Level]*page
	damaged map[store.DocumentKey][]byte // what can't be read, and was told
}

// page is one level.
type page struct {
	chart view.Chart
	pins  map[string]view.Point
	epoch uint64 // counts up when boxes are to be placed anew
	dirty bool   // the chart is not written yet
	known []byte // as it is written
	growth
}

// New opens the book at what is kept. What can't be read is placed anew.
func New(site Site, log *slog.Logger) *Book {
	b := &Book{site: site, log: log, levels: map[view.Level]*page{}, damaged: map[store.DocumentKey][]byte{}}
	b.takeOver()
	return b
}

func (b *Book) page(level view.Level) *page {
	p := b.levels[level]
	if p == nil {
		p = &page{}
		b.levels[level] = p
	}
	return p
}

// Chart is where the boxes of a level stand, and stood last. Its lists must not be
// written.
func (b *Book) Chart(level view.Level) view.Chart {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.page(level).chart
}

// Keep notes where they stand now.
func (b *Book) Keep(level view.Level, c view.Chart) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.page(level)
	p.chart, p.dirty = c, true
}

// Pins are the boxes of a level that people moved. The map must not be written.
func (b *Book) Pins(level view.Level) map[string]view.Point {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.page(level).pins
}

// Epoch changes when boxes of a level are to be placed anew though the same ones are
// there: somebody moved one, or tidied up, or the chart has grown up.
func (b *Book) Epoch(level view.Level) uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.page(level)
	p.ripen()
	return p.epoch
}

// Pin puts boxes of a level where somebody wants them; nil lets one go again. A
// [*PinError] says what is wrong with it.
func (b *Book) Pin(ctx context.Context, level view.Level, moved map[string]*view.Point) error {
	b.mu.Lock()
	next := map[string]view.Point{}
	for id, at := range b.page(level).pins {
		next[id] = at
	}
	b.mu.Unlock()
	for id, at := range moved {
		if at == nil {
			delete(next, id)
			continue
		}
		if err := check(id, at); err != nil {
			return err
		}
		next[id] = *at
	}
	if len(next) > MaxPins {
		return &PinError{"pins", fmt.Sprintf("must be at most %d", MaxPins), strconv.Itoa(len(next))}
	}
	value, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("keeping pins: %w", err)
	}
	if err := b.site.ChangeDocuments(ctx, []store.Document{{Kind: PinsKind, Key: string(level), Value: value}}, nil); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.page(level)
	p.pins = next
	p.epoch++
	return nil
}

func check(id string, at *view.Point) error {
	for _, c := range []struct {
		field string
		value float64
	}{{"x", at.X}, {"y", at.Y}} {
		if !(c.value >= 0 && c.value <= MaxPlace) { // not a number is neither
			return &PinError{"pins[" + id + "]." + c.field, fmt.Sprintf("must be from 0 to %d", MaxPlace), fmt.Sprint(c.value)}
		}
	}
	if id == "" || len(id) > 600 {
		return &PinError{"pins", "must name a box, in at most 600 bytes", fmt.Sprint(len(id), " bytes")}
	}
	return nil
}

// Tidy forgets the places of a level, but those that people gave: all others are
// found from scratch.
func (b *Book) Tidy(ctx context.Context, level view.Level) error {
	if err := b.site.ChangeDocuments(ctx, nil, []store.DocumentKey{{Kind: ChartKind, Key: string(level)}}); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.page(level).forget()
	return nil
}

func (p *page) forget() {
	p.chart, p.dirty, p.known = view.Chart{}, false, nil
	p.epoch++
}

// Run writes what changes, until ctx ends, and then what is left.
func (b *Book) Run(ctx context.Context) {
	tick, growth := time.NewTicker(writeEvery), time.NewTicker(lookEvery)
	defer tick.Stop()
	defer growth.Stop()
	for {
		decided := b.site.Decided()
		b.takeOver() // what came before that
		select {
		case <-tick.C:
			b.write(ctx)
		case <-growth.C:
			b.look()
		case <-decided:
		case <-ctx.Done():
			b.write(ctx)
			return
		}
	}
}

// write keeps the charts that changed, if this server leads.
func (b *Book) write(ctx context.Context) {
	if !b.site.Leads() {
		return
	}
	b.mu.Lock()
	var keep []store.Document
	for level, p := range b.levels {
		if !p.dirty {
			continue
		}
		p.dirty = false
		value, err := json.Marshal(&p.chart)
		if err != nil || bytes.Equal(value, p.known) {
			continue // numbers that aren't any are not placed
		}
		p.known = value
		keep = append(keep, store.Document{Kind: ChartKind, Key: string(level), Value: value})
	}
	b.mu.Unlock()
	if len(keep) == 0 {
		return
	}
	if err := b.site.ChangeDocuments(context.WithoutCancel(ctx), keep, nil); err != nil {
		b.log.Warn("the places of the chart's boxes were not kept; they are tried again", "error", err)
		b.retry(keep)
	}
}

func (b *Book) retry(keep []store.Document) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range keep {
		p := b.page(view.Level(d.Key))
		p.dirty, p.known = true, nil
	}
}

// takeOver reads what is kept: at the start, and when another server wrote it.
func (b *Book) takeOver() {
	charts, pins := b.site.Documents(ChartKind), b.site.Documents(PinsKind)
	b.mu.Lock()
	defer b.mu.Unlock()
	there := map[view.Level]bool{}
	for _, d := range charts {
		p := b.page(view.Level(d.Key))
		there[view.Level(d.Key)] = true
		var c view.Chart
		if !bytes.Equal(d.Value, p.known) && b.decode(d, &c) {
			p.chart, p.known, p.dirty = c, d.Value, false
			p.epoch++
			p.stop()
		}
	}
	for level, p := range b.levels {
		if p.known != nil && !there[level] {
			p.forget() // another server tidied up
		}
	}
	for _, d := range pins {
		p, next := b.page(view.Level(d.Key)), map[string]view.Point{}
		if b.decode(d, &next) && !samePins(p.pins, next) {
			p.pins = next
			p.epoch++
		}
	}
}

// decode reads a document. What can't be read is told once.
func (b *Book) decode(d store.Document, into any) bool {
	if err := json.Unmarshal(d.Value, into); err != nil {
		key := store.DocumentKey{Kind: d.Kind, Key: d.Key}
		if bytes.Equal(b.damaged[key], d.Value) {
			return false
		}
		b.damaged[key] = d.Value
		b.log.Error("what is kept of the chart's places can't be read; they are found anew", "kind", d.Kind, "level", d.Key, "error", err)
		return false
	}
	return true
}

func samePins(a, b map[string]view.Point) bool {
	if len(a) != len(b) {
		return false
	}
	for id, at := range a {
		if other, there := b[id]; !there || other != at {
			return false
		}
	}
	return true
}
