package bolt

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// generation is all that a database holds: n says so in each block.
func generation(n int) func(store.Store) error {
	return func(s store.Store) error {
		for i := range 20 {
			b := block(fmt.Sprint("n", i), 5)
			b.Node.Agent = strconv.Itoa(n)
			err := s.Write(context.Background(), store.Change{
				Revision: topology.Revision{Epoch: "e", Number: uint64(n)}, Put: []*topology.Block{b}, Append: []topology.Event{event(i)},
				Records: []store.Record{{Node: b.Node.Name, At: noon, Data: []byte(b.Node.Agent)}},
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// generationOf is that of all blocks and records; a mixture fails the test.
func generationOf(t *testing.T, s *Store) int {
	t.Helper()
	state, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := int(state.Revision.Number)
	want := strconv.Itoa(n)
	for _, b := range state.Blocks {
		if b.Node.Agent != want {
			t.Errorf("%s is of generation %s, not %s", b.Node.Name, b.Node.Agent, want)
		}
	}
	records := 0
	err = s.Records(t.Context(), func(r store.Record) bool {
		if records++; string(r.Data) != want {
			t.Errorf("a record of %s is of generation %s, not %s", r.Node, r.Data, want)
		}
		return true
	})
	if err != nil || len(state.Blocks) != 20 || records != 20 {
		t.Errorf("%d blocks, %d records, %v", len(state.Blocks), records, err)
	}
	checkCounts(t, s)
	return n
}

// replaceUntilKilled replaces everything, and prints each generation once it is
// acknowledged.
func replaceUntilKilled(dir string) int {
	s, err := Open(dir)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	state, err := s.Load(context.Background())
	if err != nil {
		fmt.Println(err)
		return 1
	}
	for n := int(state.Revision.Number) + 1; ; n++ {
		if err := s.Replace(context.Background(), generation(n)); err != nil {
			fmt.Println(err)
			return 1
		}
		fmt.Println(n)
	}
}

// TestKillReplacing kills a process that replaces everything at random moments:
// what is there is all of the last one, or all of the next.
func TestKillReplacing(t *testing.T) {
	const rounds = 12
	dir := t.TempDir()
	s := open(t, dir)
	if err := generation(0)(s); err != nil {
		t.Fatal(err)
	}
	s.Close()
	rng := rand.New(rand.NewPCG(7, 8))
	last := 0
	for round := range rounds {
		last = runAndKill(t, "replace", dir, last, 1+rng.IntN(3), time.Duration(rng.IntN(30_000))*time.Microsecond)
		s := open(t, dir)
		n := generationOf(t, s)
		if n != last && n != last+1 {
			t.Errorf("generation %d, acknowledged %d", n, last)
		}
		last = n
		if _, err := os.Stat(s.successor()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("what was not finished is left over: %v", err)
		}
		if err := s.Close(); err != nil || t.Failed() {
			t.Fatalf("in round %d: %v", round, err)
		}
	}
}

// TestReplaceFails: whatever goes wrong, the old database stands and is used.
func TestReplaceFails(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := generation(1)(s); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	ended, cancel := context.WithCancel(t.Context())
	for name, tt := range map[string]struct {
		ctx  context.Context
		fill func(store.Store) error
		want error
	}{
		"filling fails":     {t.Context(), func(n store.Store) error { return errors.Join(generation(2)(n), broken) }, broken},
		"it is interrupted": {ended, func(n store.Store) error { cancel(); return generation(2)(n) }, context.Canceled},
		"a change is no one": {t.Context(), func(n store.Store) error {
			return n.Write(t.Context(), store.Change{Put: []*topology.Block{block("", 0)}})
		}, nil},
	} {
		err := s.Replace(tt.ctx, tt.fill)
		if err == nil || (tt.want != nil && !errors.Is(err, tt.want)) {
			t.Errorf("%s: %v", name, err)
		}
		if n := generationOf(t, s); n != 1 {
			t.Errorf("%s: generation %d", name, n)
		}
		if _, err := os.Stat(s.successor()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: what was not finished is left over: %v", name, err)
		}
	}
	mustWrite(t, s, store.Change{Keep: []store.Document{{Kind: "k", Key: "k"}}})
	s.Close()
	s = open(t, dir)
	defer s.Close()
	if n := generationOf(t, s); n != 1 {
		t.Errorf("generation %d after a restart", n)
	}
}

// TestReplaceWhileUsed: reading and writing go on meanwhile, one replaces after
// the other, and no other process gets hold of the file in between.
func TestReplaceWhileUsed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := generation(0)(s); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var using, replacing sync.WaitGroup
	using.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			default:
			}
			if n%10 == 0 {
				if other, err := Open(dir); !errors.Is(err, store.ErrInUse) {
					t.Errorf("another one opens it: %v", err)
					if err == nil {
						_ = other.Close()
					}
				}
			}
			if state, err := s.Load(t.Context()); err != nil || len(state.Blocks) != 20 || state.Blocks[0].Node.Agent != state.Blocks[19].Node.Agent {
				t.Errorf("%d blocks, or of several generations, %v", len(state.Blocks), err)
			}
			if err := s.Write(t.Context(), store.Change{Alive: noon}); err != nil {
				t.Error(err)
			}
		}
	})
	for n := range 6 {
		replacing.Go(func() {
			if err := s.Replace(t.Context(), generation(n)); err != nil {
				t.Error(err)
			}
		})
	}
	replacing.Wait()
	close(done)
	using.Wait()
	n := generationOf(t, s)
	s.Close()
	s = open(t, dir)
	defer s.Close()
	if got := generationOf(t, s); got != n {
		t.Errorf("generation %d after a restart, %d before", got, n)
	}
}

// TestReplaceClosed: what is closed meanwhile is not replaced.
func TestReplaceClosed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := generation(1)(s); err != nil {
		t.Fatal(err)
	}
	err := s.Replace(t.Context(), func(n store.Store) error { return errors.Join(generation(2)(n), s.Close()) })
	if !errors.Is(err, store.ErrClosed) {
		t.Errorf("Replace returns %v", err)
	}
	s = open(t, dir)
	defer s.Close()
	if n := generationOf(t, s); n != 1 {
		t.Errorf("generation %d", n)
	}
	info, err := os.Stat(filepath.Join(dir, FileName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info, err)
	}
}
