package layers

import "slices"

const (
	// siftReach is how many places a point looks up and down for a better one.
	siftReach = 32
	// siftRounds bounds the rounds over all layers.
	siftRounds = 12
	// siftWork bounds how many pairs are compared, per point of the net.
	siftWork = 200
)

// sifter counts crossings and moves single points to where fewest of their
// links cross. Links that share a port do not cross.
type sifter struct {
	net  *net
	base []int32 // per point: first slot of its ports, within its layer
	tree []int32 // Fenwick tree over slots
	// ends holds, for the points of the layer at hand, the slots that their
	// links reach on either side, sorted.
	ends [2][][]int32
	// moved holds the round in which a point last moved; work is what may
	// still be spent.
	moved []int32
	work  int
}

func newSifter(n *net) *sifter {
	s := &sifter{net: n, base: make([]int32, len(n.box)), moved: make([]int32, len(n.box))}
	for i, side := range [][][]link{n.left, n.right} {
		s.ends[i] = make([][]int32, len(n.box))
		for p, links := range side {
			s.ends[i][p] = make([]int32, len(links))
		}
	}
	return s
}

// crossings counts the crossings of all links.
func (s *sifter) crossings() int {
	sum := 0
	for l := range s.net.layers[1:] {
		sum += s.between(l)
	}
	return sum
}

// between counts crossings of layer l with the next, by inversions of the
// slots they reach.
func (s *sifter) between(l int) int {
	slots := s.spread(s.net.layers[l+1], s.net.left)
	s.tree = append(s.tree[:0], make([]int32, slots+1)...)
	sum, seen := 0, 0
	for _, p := range s.net.layers[l] {
		links := s.net.right[p]
		for i := 0; i < len(links); {
			j := i
			for ; j < len(links) && links[j].slot == links[i].slot; j++ {
				sum += seen - s.upTo(s.base[links[j].to]+links[j].toSlot)
			}
			for ; i < j; i++ {
				s.mark(s.base[links[i].to] + links[i].toSlot)
				seen++
			}
		}
	}
	return sum
}

// spread numbers the ports that a layer has on one side from the top and
// returns how many there are.
func (s *sifter) spread(layer []int32, side [][]link) int {
	at := int32(0)
	for _, p := range layer {
		s.base[p] = at
		if k := len(side[p]); k > 0 {
			at += side[p][k-1].slot + 1
		}
	}
	return int(at)
}

func (s *sifter) mark(slot int32) {
	for i := int(slot) + 1; i < len(s.tree); i += i & -i {
		s.tree[i]++
	}
}

// upTo counts the marks at slot and above it.
func (s *sifter) upTo(slot int32) int {
	sum := 0
	for i := int(slot) + 1; i > 0; i -= i & -i {
		sum += int(s.tree[i])
	}
	return sum
}

// settle sifts all layers to and fro until no point finds a better place or
// the work is done.
func (s *sifter) settle() {
	clear(s.moved)
	s.work = siftWork * len(s.net.box)
	last := len(s.net.layers) - 1
	for round := range int32(siftRounds) {
		gain := 0
		for i := range s.net.layers {
			l := i
			if round%2 == 1 {
				l = last - i
			}
			gain += s.sift(l, round+1)
		}
		if gain == 0 || s.work <= 0 {
			return
		}
	}
}

// sift moves each point of layer l to the best place in its reach and returns
// how many crossings that saved. After the first round only points are tried
// that moved lately, or are linked to one that did.
func (s *sifter) sift(l int, round int32) int {
	s.look(l)
	gain := 0
	for _, p := range slices.Clone(s.net.layers[l]) {
		if round > 1 && !s.stirred(p, round-1) || s.work <= 0 {
			continue
		}
		if saved := s.place(s.net.layers[l], p); saved > 0 {
			gain += saved
			s.moved[p] = round
		}
	}
	return gain
}

// stirred reports whether p or a point linked to it moved in the given round
// or later.
func (s *sifter) stirred(p, since int32) bool {
	late := func(k link) bool { return s.moved[k.to] >= since }
	return s.moved[p] >= since ||
		slices.ContainsFunc(s.net.left[p], late) || slices.ContainsFunc(s.net.right[p], late)
}

// look gathers the slots that the links of layer l reach.
func (s *sifter) look(l int) {
	n := s.net
	gather := func(to int, back, side [][]link, ends [][]int32) {
		s.spread(n.layers[to], back)
		for _, p := range n.layers[l] {
			for i, k := range side[p] {
				ends[p][i] = s.base[k.to] + k.toSlot
			}
			slices.Sort(ends[p])
		}
	}
	if l > 0 {
		gather(l-1, n.right, n.left, s.ends[0])
	}
	if l+1 < len(n.layers) {
		gather(l+1, n.left, n.right, s.ends[1])
	}
}

// place moves p within layer to where its links cross least and returns the
// crossings saved.
func (s *sifter) place(layer []int32, p int32) int {
	pos := s.net.pos
	from := int(pos[p])
	best, least := from, 0
	for i, delta := from-1, 0; i >= max(0, from-siftReach); i-- {
		delta -= s.swap(layer[i], p)
		if delta < least {
			best, least = i, delta
		}
	}
	for i, delta := from+1, 0; i < min(len(layer), from+siftReach+1); i++ {
		delta -= s.swap(p, layer[i])
		if delta < least {
			best, least = i, delta
		}
	}
	if best == from {
		return 0
	}
	if best < from {
		copy(layer[best+1:from+1], layer[best:from])
	} else {
		copy(layer[from:best], layer[from+1:best+1])
	}
	layer[best] = p
	for i := min(best, from); i <= max(best, from); i++ {
		pos[layer[i]] = int32(i)
	}
	return -least
}

// swap returns the crossings saved when point a, right above b, goes below it.
func (s *sifter) swap(a, b int32) int {
	s.work--
	return excess(s.ends[0][a], s.ends[0][b]) + excess(s.ends[1][a], s.ends[1][b])
}

// excess returns the crossings of links that end at a above links that end at
// b, less those the other way round. Both are sorted.
func excess(a, b []int32) int {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	switch all := len(a) * len(b); {
	case a[len(a)-1] < b[0]:
		return -all
	case a[0] > b[len(b)-1]:
		return all
	}
	sum, below, upTo := 0, 0, 0
	for _, e := range a {
		for below < len(b) && b[below] < e {
			below++
		}
		for upTo < len(b) && b[upTo] <= e {
			upTo++
		}
		sum += below - (len(b) - upTo)
	}
	return sum
}
