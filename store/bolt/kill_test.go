package bolt

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// numbered is a change that says n in each of its parts, to be told whole.
func numbered(n int) store.Change {
	a, b := block("a", 20), block("b", 20)
	a.Node.Agent, b.Node.Agent = strconv.Itoa(n), strconv.Itoa(n)
	return store.Change{
		Revision: topology.Revision{Epoch: "e", Number: uint64(n)},
		Put:      []*topology.Block{a, b, block(fmt.Sprint("n", n%50), n%7)},
		Append:   []topology.Event{event(n)},
	}
}

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
		acknowledged = writeAndKill(t, dir, acknowledged, 1+rng.IntN(40), time.Duration(rng.IntN(3000))*time.Microsecond)
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

// writeAndKill kills the child a moment after so many more changes, and returns
// the last number that it acknowledged.
func writeAndKill(t *testing.T, dir string, last, more int, moment time.Duration) int {
	t.Helper()
	cmd := child(t, "write", dir)
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
	return n
}
