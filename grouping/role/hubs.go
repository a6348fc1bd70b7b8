package role

import (
	"math"
	"slices"

	"github.com/devops-trouble-map/dotm/grouping/census"
	"github.com/devops-trouble-map/dotm/grouping/lane"
)

const (
	// half of a class must call for the class to.
	half = 0.5
	// nearlyAll is the share of classes that a hub is called from.
	nearlyAll = 0.6
	// watched is the share of classes that one which calls all of them does.
	watched = 0.75
	// few is how many classes there must be to say so, fewKnown that for a
	// protocol that is known to be infrastructure.
	few, fewKnown = 3, 2
	// fewStores and all are few and nearlyAll for what stores data.
	fewStores = 8
	all       = 0.9
	// mixed is how many of the classes a hub's node must be called from, of those
	// that chance would make.
	mixed = 0.4
	// chance is how unlikely it must be that a node's callers are of so few
	// classes, for it not to be a hub.
	chance = 1e-4
)

// findHubs marks the nodes of classes that serve everyone, or look at everyone.
// A class is judged as a whole, so that it may share its work among its nodes.
//
// To be called from most classes is not enough: the main database of a small
// site is. A hub is called from both ends of the site, too: by those that nobody
// calls, as the load balancer, and by those that call nobody else, as the cache
// beside that database. In the same way who calls most is only a hub if the front
// is among those: a front end isn't.
func (s *site) findHubs() {
	v := s.survey()
	for h := range int32(s.classes) {
		if v.servesAll(h) {
			s.markMembers(h, v)
		} else if v.looking[h] {
			s.markAll(h)
		}
	}
}

func (s *site) markAll(h int32) {
	for i, c := range s.class {
		s.hub[i] = s.hub[i] || c == h
	}
}

// survey is who calls whom among classes.
type survey struct {
	classes   int
	size      []int  // nodes of each class that report
	talks     []bool // classes with such nodes
	inward    map[pair]int
	outward   map[pair]int
	store     []bool // a database, or its like
	known     []bool // infrastructure by its protocol, and called for that
	candidate []bool
	looking   []bool    // looks at nearly all
	calls     [][]int32 // classes that at least half of a class calls
	calledBy  [][]int32
	looks     [][]int32 // classes of which it calls at least half, by whatever way
	front     []bool
	back      []bool
}

type pair struct{ from, to int32 }

func (s *site) survey() *survey {
	k := s.classes
	v := &survey{
		classes: k, size: make([]int, k), talks: make([]bool, k), inward: map[pair]int{}, outward: map[pair]int{},
		known: make([]bool, k), store: make([]bool, k), candidate: make([]bool, k), looking: make([]bool, k), calls: make([][]int32, k), calledBy: make([][]int32, k), looks: make([][]int32, k),
		front: make([]bool, k), back: make([]bool, k),
	}
	for i, c := range s.class {
		if c >= 0 && s.Nodes[i].Reports {
			v.size[c]++
			v.talks[c] = true
		}
	}
	for c, list := range s.leader {
		v.store[c] = slices.ContainsFunc(list, func(t trait) bool { return t&kindOfTrait == serves && stores[s.Words[t&^kindOfTrait]] })
	}
	s.countCalls(v)
	v.relate()
	v.nominate()
	return v
}

// countCalls counts for each pair of classes the nodes of the first that call
// the second, and the nodes of the second that are called by the first.
func (s *site) countCalls(v *survey) {
	in, out := newOnce(s.classes), newOnce(s.classes)
	seen := make(bits, (s.classes*len(s.Nodes)+63)/64) // a class that calls a node
	infra := map[int32]map[int32]bool{}
	for i := range s.Edges {
		e := &s.Edges[i]
		from, to := s.class[e.From], s.class[e.To]
		if from < 0 || to < 0 || from == to || e.Undirected {
			continue
		}
		if s.Nodes[e.To].Reports && seen.first(int(from)*len(s.Nodes)+int(e.To)) {
			v.outward[pair{from, to}]++
		}
		if e.Watching || !s.Nodes[e.From].Reports || !s.serious(e) {
			continue
		}
		if in.first(e.From, to) {
			v.inward[pair{from, to}]++
		}
		if isInfrastructure(e.Key) && out.first(e.From, to) {
			if infra[to] == nil {
				infra[to] = map[int32]bool{}
			}
			infra[to][from] = true
		}
	}
	for h, from := range infra {
		v.known[h] = len(from) >= fewKnown
	}
}

// serious says whether an edge calls what the server is there for.
func (s *site) serious(e *census.Edge) bool {
	list := s.traits[e.To]
	for _, v := range s.Nodes[e.To].Services {
		if v.Key == e.Key {
			return has(list, listens|trait(v.Key)) || has(list, serves|trait(v.Word))
		}
	}
	return true
}

// once tells the first time from others, for pairs whose first part comes in
// order.
type once struct {
	stamp []int32
}

func newOnce(n int) *once { return &once{make([]int32, n)} }

func (o *once) first(node, class int32) bool {
	if o.stamp[class] == node+1 {
		return false
	}
	o.stamp[class] = node + 1
	return true
}

// bits is a set of numbers.
type bits []uint64

// first puts a number into the set and says whether it was not there.
func (b bits) first(i int) bool {
	old := b[i/64]
	b[i/64] |= 1 << (i % 64)
	return b[i/64] != old
}

// relate keeps the pairs in which half of a class takes part.
func (v *survey) relate() {
	for p, n := range v.inward {
		if float64(n) >= half*float64(v.size[p.from]) {
			v.calls[p.from] = append(v.calls[p.from], p.to)
			v.calledBy[p.to] = append(v.calledBy[p.to], p.from)
		}
	}
	for p, n := range v.outward {
		if float64(n) >= half*float64(v.size[p.to]) {
			v.looks[p.from] = append(v.looks[p.from], p.to)
		}
	}
}

// nominate marks the classes that may be hubs: they are not asked about others.
// Those that are called come first, as all look at them.
func (v *survey) nominate() {
	for h := range int32(v.classes) {
		others := v.others(h, false)
		share := nearlyAll
		if v.known[h] {
			share = half
		}
		v.candidate[h] = others >= fewKnown && float64(len(v.calledBy[h])) >= share*float64(others)
	}
	eyes := make([]bool, v.classes)
	for h := range int32(v.classes) {
		n := v.plain(v.looks[h], h, nil)
		eyes[h] = n >= few && float64(n) >= watched*float64(v.others(h, true))
	}
	v.place(eyes)
	for h, is := range eyes {
		v.looking[h] = is && v.reaches(v.looks[h], v.front)
	}
	for h, is := range v.looking {
		v.candidate[h] = v.candidate[h] || is
	}
	v.place(nil)
}

// others counts the classes beside one, with or without candidates left out.
func (v *survey) others(h int32, plain bool) int {
	n := 0
	for c := range int32(v.classes) {
		if c != h && v.talks[c] && (!plain || !v.candidate[c]) {
			n++
		}
	}
	return n
}

// place finds the front, whom no class calls, and the back, which calls none.
// Candidates don't count as either end of a call, and some not as its client.
func (v *survey) place(but []bool) {
	for c := range int32(v.classes) {
		v.front[c], v.back[c] = false, false
		if !v.talks[c] || v.candidate[c] {
			continue
		}
		in, out := v.plain(v.calledBy[c], c, but), v.plain(v.calls[c], c, nil)
		v.front[c] = out > 0 && in == 0 && (but == nil || !but[c])
		v.back[c] = in > 0 && out == 0
	}
}

// plain counts the classes of a list that are no candidates.
func (v *survey) plain(list []int32, self int32, but []bool) int {
	n := 0
	for _, c := range list {
		if c != self && v.talks[c] && !v.candidate[c] && (but == nil || !but[c]) {
			n++
		}
	}
	return n
}

// servesAll says whether nearly all classes call a class, those at both ends
// included. What stores data must be called by more.
func (v *survey) servesAll(h int32) bool {
	n, others := v.plain(v.calledBy[h], h, nil), v.others(h, true)
	if v.known[h] && n >= fewKnown && float64(n) >= half*float64(others) {
		return true
	}
	least, share := few, nearlyAll
	if v.store[h] {
		least, share = fewStores, all
	}
	return n >= least && float64(n) >= share*float64(others) &&
		v.reaches(v.calledBy[h], v.back) && (!slices.Contains(v.front, true) || v.reaches(v.calledBy[h], v.front))
}

// reaches says whether a list has half of the classes at one end of the site, one
// at least.
func (v *survey) reaches(list []int32, end []bool) bool {
	there, all := 0, 0
	for _, is := range end {
		if is {
			all++
		}
	}
	for _, c := range list {
		if end[c] {
			there++
		}
	}
	return there > 0 && float64(there) >= half*float64(all)
}

// markMembers marks the nodes of a class that are called by as many classes as
// their callers would be of if these came by chance. Others of the class serve
// somebody only. One that nobody calls yet is a hub if it is exactly like the
// rest.
func (s *site) markMembers(h int32, v *survey) {
	by, of := s.clientsOf(h, v)
	total := 0
	for _, n := range by {
		total += n
	}
	for i, c := range s.class {
		if c != h {
			continue
		}
		callers, seen := 0, 0
		expected, share := 0.0, 0.0
		for _, n := range of[int32(i)] {
			callers += n
		}
		if callers == 0 {
			s.hub[i] = slices.Equal(s.traits[i], s.leader[h])
			continue
		}
		for c, n := range by {
			p := float64(n) / float64(total)
			expected += 1 - math.Pow(1-p, float64(callers))
			if of[int32(i)][c] > 0 {
				seen++
				share += p
			}
		}
		s.hub[i] = float64(seen) >= mixed*expected || math.Pow(share, float64(callers)) > chance
	}
}

// clientsOf counts the nodes of each class that call a class, and those that call
// each of its nodes.
func (s *site) clientsOf(h int32, v *survey) (by []int, of map[int32]map[int]int) {
	by, of = make([]int, v.classes), map[int32]map[int]int{}
	last := lane.Link{From: -1, To: -1}
	for i := range s.Edges {
		e := &s.Edges[i]
		c := s.class[e.From]
		if e.Watching || s.class[e.To] != h || c < 0 || c == h || last == (lane.Link{From: e.From, To: e.To}) {
			continue
		}
		last = lane.Link{From: e.From, To: e.To}
		by[c]++
		if of[e.To] == nil {
			of[e.To] = map[int]int{}
		}
		of[e.To][int(c)]++
	}
	return by, of
}

// isInfrastructure says whether a port is one of those that serve a site as a
// whole wherever they are.
func isInfrastructure(k census.Key) bool { return infrastructure[k.Port()] }

// infrastructure are ports of naming, time, logs, accounts, configuration,
// monitoring and packages.
var infrastructure = map[uint16]bool{
	53: true, 123: true, 514: true, 6514: true, 601: true, 389: true, 636: true, 88: true, 464: true, 1812: true, 49: true,
	8140: true, 4505: true, 4506: true, 10051: true, 5044: true, 12201: true, 24224: true, 25: true,
	4317: true, 4318: true, 8125: true, 2003: true, 8086: true, 5667: true, 5665: true, 3142: true, 3100: true, 1514: true, 1515: true,
	8089: true, 9997: true,
}

// stores are programs that keep the data of others.
var stores = set(`postgres postmaster mysqld mariadbd mongod mongos redis-server valkey-server redis-sentinel memcached
	oracle tnslsnr sqlservr cassandra scylla clickhouse-serv cockroach etcd couchdb beam.smp rabbitmq nats-server kafka
	elasticsearch opensearch solr neo4j minio radosgw ceph-osd ceph-mon nfsd glusterfsd aerospike-serv`)

func has(list []trait, t trait) bool {
	for _, x := range list {
		if x == t {
			return true
		}
	}
	return false
}
