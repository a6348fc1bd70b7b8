package report

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// crowded is a report with n connections, the i-th of which has i sockets.
func crowded(n int) *Report {
	r := &Report{Version: Version}
	for i := range n {
		r.Connections = append(r.Connections, Connection{
			Direction: Out, Protocol: TCP, Process: fmt.Sprintf("process-%06d", i),
			Peer: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), Port: 443, Count: i,
		})
	}
	return r
}

func TestFit(t *testing.T) {
	for _, n := range []int{0, surelyFit, 20_000} {
		r := crowded(n)
		if _, fits := Fit(r); !fits || len(r.Connections) != n || r.Coverage.Truncated != 0 || len(r.Notes) != 0 {
			t.Errorf("%d rows: %d left, %d truncated, notes %v: want all and no word", n, len(r.Connections), r.Coverage.Truncated, r.Notes)
		}
	}
}

func TestFitLeavesOutTheSmallest(t *testing.T) {
	const n = 100_000
	r := crowded(n)
	if _, fits := Fit(r); !fits {
		t.Fatal("does not fit")
	}
	var body bytes.Buffer
	if err := Encode(&body, r); err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(&body); err != nil {
		t.Errorf("what fits is refused: %v", err)
	}
	kept := len(r.Connections)
	if kept < n/2 || kept+r.Coverage.Truncated != n {
		t.Errorf("%d kept and %d truncated of %d", kept, r.Coverage.Truncated, n)
	}
	for _, c := range r.Connections {
		if c.Count < n-kept {
			t.Fatalf("a row of %d sockets was kept before larger ones", c.Count)
		}
	}
	if len(r.Notes) != 1 || !strings.HasPrefix(r.Notes[0].Text, fmt.Sprintf("%d connections", n-kept)) {
		t.Errorf("notes %+v", r.Notes)
	}
}

func TestFitGivesUp(t *testing.T) {
	r := crowded(surelyFit + 1)
	for range 40 {
		r.Interfaces = append(r.Interfaces, Interface{Name: strings.Repeat("x", 1<<18)})
	}
	if _, fits := Fit(r); fits {
		t.Error("a report that is too large without any connection fits")
	}
}

func TestSurelyFit(t *testing.T) {
	r := crowded(surelyFit)
	for i := range r.Connections {
		r.Connections[i].Process = strings.Repeat("\u2028", MaxName/3)
		r.Connections[i].User = strings.Repeat("<", MaxName)
	}
	if size := sizeOf(r); size > MaxBytes {
		t.Errorf("%d rows with the longest names are %d bytes", surelyFit, size)
	}
}
