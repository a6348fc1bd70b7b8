package page

import (
	"math"
	"reflect"
	"testing"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/layout/layers"
	"github.com/devops-trouble-map/dotm/test/charts"
)

// TestFacingShortensLines: turning blocks makes the lines between them no longer, and
// leaves each within itself as it was, or upside down.
func TestFacingShortensLines(t *testing.T) {
	some := false
	for seed := range uint64(3) {
		in, o, err := graph.Read(charts.Hubs(charts.Lanes(charts.Hosts(seed, 500, 1900))))
		if err != nil {
			t.Fatal(err)
		}
		blocks, _ := blocksOf(in, o)
		places := arrange(in, blocks, o)
		before := make([][]graph.Point, len(blocks))
		for i, b := range blocks {
			before[i] = append(before[i], b.At...)
		}
		was := between(in, blocks, places)
		face(in, blocks, places)
		if is := between(in, blocks, places); is > was {
			t.Errorf("seed %d: lines between blocks are %.0f long, were %.0f", seed, is, was)
		}
		for i, b := range blocks {
			if reflect.DeepEqual(b.At, before[i]) {
				continue
			}
			some = true
			turned := blockOf(in.Sub(b.Boxes), layers.Piece{Boxes: b.Boxes, At: b.At})
			stood := blockOf(in.Sub(b.Boxes), layers.Piece{Boxes: b.Boxes, At: before[i]})
			for k, box := range b.Boxes {
				at := turned.At[k]
				if up := turned.H - at.Y - graph.Up(in.Boxes[box].H); at.X != stood.At[k].X || up != stood.At[k].Y {
					t.Fatalf("seed %d, block %d: box %d is at %v, stood at %v", seed, i, k, at, stood.At[k])
				}
			}
		}
	}
	if !some {
		t.Error("no block was turned")
	}
}

// between is how long the lines between boxes of different blocks are.
func between(in *graph.Input, blocks []Block, places []graph.Rect) float64 {
	at, of := make([]graph.Point, len(in.Boxes)), make([]int, len(in.Boxes))
	for i, b := range blocks {
		for k, box := range b.Boxes {
			of[box] = i + 1
			at[box] = graph.Point{X: places[i].X + b.At[k].X + in.Boxes[box].W/2, Y: places[i].Y + b.At[k].Y + graph.Up(in.Boxes[box].H)/2}
		}
	}
	sum := 0.0
	for _, c := range in.Calls {
		if of[c.From] != of[c.To] && of[c.From] > 0 && of[c.To] > 0 {
			sum += math.Hypot(at[c.From].X-at[c.To].X, at[c.From].Y-at[c.To].Y)
		}
	}
	return sum
}
