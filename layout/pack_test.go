package layout

import (
	"fmt"
	"slices"
	"testing"

	"github.com/devops-trouble-map/dotm/test/charts"
)

func TestBiggestPieceComesFirst(t *testing.T) {
	c := mustPlace(t, charts.Edges("a>b m>n m>o m>p n>q x>y y>z"), Options{})
	biggest := []string{"m", "n", "o", "p", "q"}
	for _, p := range c.Placements {
		if !slices.Contains(biggest, p.ID) && p.Y < placed(t, c, "m").Y && p.X < placed(t, c, "q").X {
			t.Errorf("%s of a small piece stands before the biggest piece", p.ID)
		}
	}
}

// TestPiecesFillThePage packs many pieces and wants the page to be near the
// aspect asked for, and not mostly empty.
func TestPiecesFillThePage(t *testing.T) {
	var edges string
	for i := range 60 {
		edges += fmt.Sprintf("a%02d>b%02d ", i, i)
		if i%3 == 0 {
			edges += fmt.Sprintf("b%02d>c%02d b%02d>d%02d ", i, i, i, i)
		}
	}
	for _, aspect := range []float64{0.5, 1, 1.6, 3} {
		g := charts.Edges(edges)
		c := mustPlace(t, g, Options{Aspect: aspect})
		if got := c.Width / c.Height; got < aspect*0.6 || got > aspect*1.7 {
			t.Errorf("aspect is %.2f, want about %.2f", got, aspect)
		}
		used := 0.0
		for _, p := range c.Placements {
			used += p.W * p.H
		}
		if share := used / (c.Width * c.Height); share < 0.2 {
			t.Errorf("aspect %g: boxes take %.0f %% of the page", aspect, 100*share)
		}
	}
}

func TestAloneBoxesStandInRows(t *testing.T) {
	g := charts.Edges("a>b b>c c>d")
	for i := range 20 {
		g.Boxes = append(g.Boxes, Box{ID: fmt.Sprintf("n%02d", i), W: 120, H: 40 + float64(i%3)*8})
	}
	c := mustPlace(t, g, Options{})
	bottom := placed(t, c, "a").Y + 56
	var last Placement
	for _, p := range c.Placements {
		if p.ID[0] != 'n' {
			continue
		}
		if p.Y <= bottom {
			t.Errorf("%s stands at y=%g, beside the pieces that end at %g", p.ID, p.Y, bottom)
		}
		if last.ID != "" && (p.Y < last.Y || p.Y == last.Y && p.X <= last.X) {
			t.Errorf("%s does not follow %s in reading order", p.ID, last.ID)
		}
		last = p
	}
}

func TestManyEntriesWrap(t *testing.T) {
	var edges, entries string
	for i := range 60 {
		edges += fmt.Sprintf("e%02d>a ", i)
		entries += fmt.Sprintf("e%02d ", i)
	}
	c := mustPlace(t, charts.Sides(charts.Edges(edges), entries, ""), Options{})
	if c.Height > 960*1.3+200 {
		t.Errorf("60 callers from outside make a chart %g high", c.Height)
	}
}
