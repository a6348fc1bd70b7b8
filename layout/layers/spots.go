package layers

import (
	"sync"

	"github.com/devops-trouble-map/dotm/layout/graph"
)

// spots are where boxes of a board may stand, sorted by x, then y, with which of them
// are on which side of which line. They are never written again, so that boards share
// them.
type spots struct {
	at    []graph.Point
	even  bool // those of a column are 1 apart
	words int  // of a set of spots
	// left has, for each two spots, the spots on the left of the line from the one to
	// the other. One on the line is on the left or the right, so that an edge through
	// a box counts as well.
	left []uint64
}

func newSpots(at []graph.Point, even bool) *spots {
	n := len(at)
	s := &spots{at: at, even: even, words: (n + 63) / 64}
	s.left = make([]uint64, n*n*s.words)
	s.sides()
	return s
}

// Page is what the pieces of a page have in common. Pieces may be placed at once.
type Page struct {
	pieces int
	mu     sync.Mutex
	grids  map[[2]int]func() *spots // by columns and rows
}

// NewPage is a page of so many pieces.
func NewPage(pieces int) *Page { return &Page{pieces: pieces, grids: map[[2]int]func() *spots{}} }

// grid is the spots of a dense piece of so many columns and rows: many pieces of a page
// are alike, and working out the sides takes a quarter of the time of a piece.
func (p *Page) grid(cols, rows int) *spots {
	p.mu.Lock()
	key := [2]int{cols, rows}
	made := p.grids[key]
	if made == nil {
		made = sync.OnceValue(func() *spots { return newSpots(gridOf(cols, rows), true) })
		p.grids[key] = made
	}
	p.mu.Unlock()
	return made()
}

func gridOf(cols, rows int) []graph.Point {
	at := make([]graph.Point, 0, cols*rows)
	for c := range cols {
		for r := range rows {
			at = append(at, graph.Point{X: float64(c), Y: float64(r) + stagger(c)})
		}
	}
	return at
}

// sides fills left. In a column, spots of one x, those on one side of a line are the
// first or the last ones.
func (s *spots) sides() {
	n := int32(len(s.at))
	columns := s.columns()
	for p := range n {
		for q := p + 1; q < n; q++ {
			below, above := s.beside(p, q), s.beside(q, p)
			for first := 0; first < len(s.at); first = columns[first] {
				fill(below, s.split(p, q, first, columns[first]), columns[first])
			}
			drop(below, p)
			drop(below, q)
			fill(above, 0, len(s.at))
			for i, w := range below {
				above[i] &^= w
			}
			drop(above, p)
			drop(above, q)
		}
	}
}

// columns says for the first spot of each column where it ends.
func (s *spots) columns() []int {
	ends := make([]int, len(s.at))
	first := 0
	for i := range s.at {
		if s.at[i].X != s.at[first].X {
			first = i
		}
		ends[first] = i + 1
	}
	return ends
}

// split returns the first spot of a column that is not above a line, which goes right or
// straight down.
func (s *spots) split(p, q int32, first, end int) int {
	from, to := s.at[p], s.at[q]
	x, dx := s.at[first].X, to.X-from.X
	if dx == 0 {
		if x > from.X {
			return end
		}
		return first
	}
	y := from.Y + (to.Y-from.Y)*(x-from.X)/dx
	for ; first < end && s.at[first].Y < y; first++ {
		if d := int(y - s.at[first].Y - 1); s.even && d > 0 {
			first += min(d, end-first-1)
		}
	}
	return first
}

// fill adds the spots from first to end to a set.
func fill(set []uint64, first, end int) {
	for first < end {
		next := min(end, first/64*64+64)
		set[first/64] |= (^uint64(0) >> (64 - (next - first))) << (first % 64)
		first = next
	}
}

func drop(set []uint64, spot int32) { set[spot/64] &^= 1 << (spot % 64) }

func has(set []uint64, spot int32) bool { return set[spot/64]>>(spot%64)&1 != 0 }

// beside is the set of spots on the left of the line from p to q.
func (s *spots) beside(p, q int32) []uint64 {
	i := (int(p)*len(s.at) + int(q)) * s.words
	return s.left[i : i+s.words]
}

// around are the sets of spots on the left of the lines from p to each spot.
func (s *spots) around(p int32) []uint64 {
	size := len(s.at) * s.words
	return s.left[int(p)*size:][:size]
}
