package server

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/store"
)

// documents are what the store keeps of what people decided, at hand.
type documents struct {
	mu   sync.Mutex // held over a write: memory never runs ahead of the store
	list map[store.DocumentKey]store.Document
}

func newDocuments(loaded []store.Document) *documents {
	d := &documents{list: make(map[store.DocumentKey]store.Document, len(loaded))}
	d.apply(loaded, nil)
	return d
}

func (d *documents) apply(keep []store.Document, drop []store.DocumentKey) {
	for _, k := range drop {
		delete(d.list, k)
	}
	for _, doc := range keep {
		doc.Value = slices.Clone(doc.Value)
		d.list[store.DocumentKey{Kind: doc.Kind, Key: doc.Key}] = doc
	}
}

// documentsChange is a change of documents as other servers are told of it.
type documentsChange struct {
	Keep []store.Document    `json:"keep,omitempty"`
	Drop []store.DocumentKey `json:"drop,omitempty"`
}

// take applies what another server keeps.
func (d *documents) take(c documentsChange) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.apply(c.Keep, c.Drop)
}

// replace drops all and takes in what was loaded.
func (d *documents) replace(loaded []store.Document) {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.list)
	d.apply(loaded, nil)
}

// Decided returns a channel that is closed when another server changed
// documents. Take it before reading them to miss nothing.
func (s *Server) Decided() <-chan struct{} { return s.decided.wait() }

// Documents lists what is kept of a kind, in no particular order. The values
// must not be written to.
func (s *Server) Documents(kind string) []store.Document {
	s.documents.mu.Lock()
	defer s.documents.mu.Unlock()
	var out []store.Document
	for key, d := range s.documents.list {
		if key.Kind == kind {
			out = append(out, d)
		}
	}
	return out
}

// ChangeDocuments drops some documents and keeps others, all or none of them.
// When it returns nil, that is durable.
func (s *Server) ChangeDocuments(ctx context.Context, keep []store.Document, drop []store.DocumentKey) error {
	s.documents.mu.Lock()
	defer s.documents.mu.Unlock()
	if err := s.opt.Store.Write(context.WithoutCancel(ctx), store.Change{Keep: keep, Drop: drop}); err != nil {
		return fmt.Errorf("keeping what was decided: %w", err)
	}
	s.documents.apply(keep, drop)
	s.news(newsDocuments, documentsChange{keep, drop})
	return nil
}

// keepAgain writes what people decided into a store that lost something, as far as
// it is missing there.
func (s *Server) keepAgain() {
	ctx, cancel := context.WithTimeout(context.Background(), keepWithin)
	defer cancel()
	if err := s.keepMissing(ctx); err != nil {
		s.opt.Log.Error("keeping again what the store lost failed: what people decided may be missing after the next start", "error", err)
	}
}

// keepWithin bounds that.
const keepWithin = time.Minute

func (s *Server) keepMissing(ctx context.Context) error {
	state, err := s.opt.Store.Load(ctx)
	if err != nil {
		return err
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	s.documents.mu.Lock()
	defer s.documents.mu.Unlock()
	there := map[store.DocumentKey]bool{}
	for _, d := range state.Documents {
		there[store.DocumentKey{Kind: d.Kind, Key: d.Key}] = true
	}
	c := store.Change{Settings: &s.changed}
	for key, d := range s.documents.list {
		if !there[key] {
			c.Keep = append(c.Keep, d)
		}
	}
	if err := s.opt.Store.Write(ctx, c); err != nil {
		return err
	}
	s.opt.Log.Warn("the store lost something: kept again is what was missing", "documents", len(c.Keep))
	return nil
}
