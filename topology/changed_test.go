package topology

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestChanged: of any two snapshots it tells which blocks are others, and no more.
func TestChanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pool := map[string][]*Block{}
		for i := range 6 {
			name := fmt.Sprintf("n%d", i)
			pool[name] = []*Block{{Node: Node{Name: name}}, {Node: Node{Name: name}}}
		}
		draw := func(label string) *Snapshot {
			var blocks []*Block
			for i := range 6 {
				versions := pool[fmt.Sprintf("n%d", i)]
				if which := rapid.IntRange(0, 2).Draw(t, label); which < 2 {
					blocks = append(blocks, versions[which])
				}
			}
			s, err := FromBlocks(Revision{}, time.Time{}, blocks)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		before, after := draw("before"), draw("after")
		var got, want []string
		for was, is := range after.Changed(before) {
			got = append(got, fmt.Sprintf("%p %p", was, is))
		}
		for i := range 6 {
			name := fmt.Sprintf("n%d", i)
			if was, is := before.Block(name), after.Block(name); was != is {
				want = append(want, fmt.Sprintf("%p %p", was, is))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		n := 0
		for was := range after.Changed(nil) {
			if n++; was != nil {
				t.Error("something was there before everything")
			}
		}
		if n != after.Len() {
			t.Errorf("%d of %d blocks are new", n, after.Len())
		}
	})
}
