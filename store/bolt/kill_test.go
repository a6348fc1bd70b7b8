package bolt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// numbered is a change that says n in each of its parts, to be told whole.
func numbered(n int) store.Change {
	a, b := block("a", 20), block("b", 20)
	a.Node.Agent, b.Node.Agent = strconv.Itoa(n), strconv.Itoa(n)
	when := noon.Add(time.Duration(n) * time.Second)
	r := store.Record{Node: "a", At: when, Base: noon.Add(time.Duration(n/chain*chain) * time.Second), Data: []byte(strconv.Itoa(n))}
	if n%chain == 0 || n < chain {
		r.Base = time.Time{}
	}
	u := store.Use{Service: "a~tcp~80", Connection: "c", First: noon, Last: when}
	u.Hours.Add(noon.Add(time.Duration(n) * time.Hour))
	return store.Change{
		Revision: topology.Revision{Epoch: "e", Number: uint64(n)},
		Put:      []*topology.Block{a, b, block(fmt.Sprint("n", n%50), n%7)},
		Append:   []topology.Event{event(n)},
		Records:  []store.Record{r},
		Uses:     []store.Use{u},
		Gaps:     []store.Gap{{Node: "a", From: noon, To: when, Why: "silent"}, {Node: "b", From: when, Why: "silent"}},
	}
}

// chain is how many records follow each other on one base.
const chain = 10

// writeUntilKilled writes numbered changes, and prints each number once it is
// acknowledged.
func writeUntilKilled(dir string) int {
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
		if err := s.Write(context.Background(), numbered(n)); err != nil {
			fmt.Println(err)
			return 1
		}
		fmt.Println(n)
	}
}

// TestKill kills a writing process at random moments. After each, everything
// that it acknowledged is there, and nothing in halves.
func TestKill(t *testing.T) {
	const rounds = 8
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(3, 4))
	acknowledged := 0
	for round := range rounds {
		acknowledged = runAndKill(t, "write", dir, acknowledged, 1+rng.IntN(40), time.Duration(rng.IntN(3000))*time.Microsecond)
		s := open(t, dir)
		acknowledged = checkNumbered(t, s, acknowledged) // the next one goes on from there
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
}

// runAndKill kills the child a moment after so many more changes, and returns
// the last number that it acknowledged.
func runAndKill(t *testing.T, what, dir string, last, more int, moment time.Duration) int {
	t.Helper()
	cmd := child(t, what, dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	read := func() {
		n, err := strconv.Atoi(lines.Text())
		if err != nil || n != last+1 {
			t.Errorf("after %d the child says %q", last, lines.Text())
		}
		last = n
	}
	for range more {
		if !lines.Scan() {
			t.Fatalf("the child ended early: %v", cmd.Wait())
		}
		read()
	}
	<-time.After(moment)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // acknowledged before it died
		read()
	}
	_, _ = io.Copy(io.Discard, out)
	_ = cmd.Wait()
	return last
}

// checkNumbered returns the number of the last change that was written. It
// allows one more than was acknowledged.
func checkNumbered(t *testing.T, s *Store, acknowledged int) (last int) {
	t.Helper()
	state, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := int(state.Revision.Number)
	if n != acknowledged && n != acknowledged+1 {
		t.Errorf("revision %d, acknowledged %d", n, acknowledged)
	}
	for _, b := range state.Blocks {
		if (b.Node.Name == "a" || b.Node.Name == "b") && (b.Node.Agent != strconv.Itoa(n) || len(b.Connections) != 20) {
			t.Errorf("block %s is of change %s, want %d", b.Node.Name, b.Node.Agent, n)
		}
	}
	next := 1
	err = s.Events(t.Context(), time.Time{}, noon.AddDate(1, 0, 0), func(e topology.Event) bool {
		if want := event(next).Node; e.Node != want {
			t.Errorf("event of %s, want %s", e.Node, want)
		}
		next++
		return true
	})
	if err != nil || next-1 != n {
		t.Errorf("%d events, want %d (%v)", next-1, n, err)
	}
	checkPast(t, s, n)
	checkCounts(t, s)
	return n
}

// checkPast holds that the history is that of the first n changes.
func checkPast(t *testing.T, s *Store, n int) {
	t.Helper()
	want := numbered(n)
	var chains [][]store.Record
	var uses []store.Use
	var gaps []store.Gap
	records := 0
	err := errors.Join(
		s.RecordsAt(t.Context(), noon.AddDate(1, 0, 0), func(c []store.Record) bool { chains = append(chains, c); return true }),
		s.Records(t.Context(), func(store.Record) bool { records++; return true }),
		s.Uses(t.Context(), "a~tcp~80", func(u store.Use) bool { uses = append(uses, u); return true }),
		s.Gaps(t.Context(), noon, noon.AddDate(1, 0, 0), func(g store.Gap) bool { gaps = append(gaps, g); return true }),
	)
	if err != nil {
		t.Fatal(err)
	}
	if records != n || len(chains) != 1 || len(uses) != 1 || len(gaps) != n+1 {
		t.Fatalf("%d records, %d nodes, %d uses, %d gaps after %d changes", records, len(chains), len(uses), len(gaps), n)
	}
	if diff := cmp.Diff(want.Records[0], chains[0][len(chains[0])-1]); diff != "" {
		t.Errorf("newest record (-want +got):\n%s", diff)
	}
	if got := uses[0]; !got.Last.Equal(want.Uses[0].Last) || !got.Hours.Has(noon.Add(time.Hour)) || !got.Hours.Has(noon.Add(time.Duration(n)*time.Hour)) {
		t.Errorf("the edge was used %+v, want until %s", got, want.Uses[0].Last)
	}
	if !gaps[0].To.Equal(want.Gaps[0].To) {
		t.Errorf("the first gap ends at %s, want %s", gaps[0].To, want.Gaps[0].To)
	}
}
