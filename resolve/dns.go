package resolve

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Lookup asks for the names of an address that is written as text, as
// [net.Resolver.LookupAddr] does.
type Lookup func(ctx context.Context, address string) ([]string, error)

// Limits of asking DNS.
const (
	maxAsking  = 32               // at a time
	maxAnswers = 10_000           // that are remembered
	answerTime = time.Second      // for all answers to one question
	keepName   = 30 * time.Minute // how long a name stands
	keepNone   = 2 * time.Minute  // how long it stands that there is none, or no answer
)

// DNS asks for the names of addresses (PTR records, RFC 1035, section 3.3.12),
// and remembers the answers. An answer says what the owner of the address wants
// it to say: it is a help to the reader, and proves nothing.
type DNS struct {
	lookup  Lookup
	now     func() time.Time
	answers map[netip.Addr]answer
	// silent is until when nobody is asked, because nobody answered.
	silent time.Time
}

// answer is what was answered; without a name it is that there is none.
type answer struct {
	name  string
	until time.Time
}

// NewDNS gives a DNS that asks through lookup; nil asks the servers of
// resolv.conf(5).
func NewDNS(lookup Lookup) *DNS {
	if lookup == nil {
		lookup = (&net.Resolver{PreferGo: true}).LookupAddr // one that can be told to stop
	}
	return &DNS{lookup: lookup, now: time.Now, answers: map[netip.Addr]answer{}}
}

func (d *DNS) name(a netip.Addr) string { return d.answers[a].name }

// Ask asks for the names of those addresses that have none yet and are
// [Nameable]; DNS's name then shows in [Names.Name]. It takes a second at most,
// with at most 32 questions under way at a time: what isn't answered by then
// has no name. Nobody is asked where n.DNS is nil.
func (n *Names) Ask(ctx context.Context, list []netip.Addr) {
	if n.DNS == nil {
		return
	}
	var wanted []netip.Addr
	for _, a := range list {
		if a = a.Unmap(); Nameable(a) && n.hosts[a] == "" && n.known[a] == "" {
			wanted = append(wanted, a)
		}
	}
	n.DNS.ask(ctx, wanted)
}

// ask puts the questions that have no answer yet that still stands.
func (d *DNS) ask(ctx context.Context, list []netip.Addr) {
	now := d.now()
	if now.Before(d.silent) {
		return
	}
	d.prune(now)
	slices.SortFunc(list, netip.Addr.Compare)
	list = slices.DeleteFunc(slices.Compact(list), func(a netip.Addr) bool { return now.Before(d.answers[a].until) })
	if len(list) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	questions := make(chan netip.Addr)
	var mu sync.Mutex
	var asking sync.WaitGroup
	heard := false
	for range min(maxAsking, len(list)) {
		asking.Go(func() {
			for a := range questions {
				name, answered := d.one(ctx, a)
				mu.Lock()
				heard = heard || answered
				d.learn(a, name, now)
				mu.Unlock()
			}
		})
	}
	put(ctx, questions, list)
	asking.Wait()
	if !heard {
		d.silent = now.Add(keepNone) // who watches is not kept waiting with every look
	}
}

// put hands the questions over one by one, as long as there is time.
func put(ctx context.Context, questions chan<- netip.Addr, list []netip.Addr) {
	defer close(questions)
	for _, a := range list {
		select {
		case questions <- a:
		case <-ctx.Done():
			return
		}
	}
}

// one asks for one address. answered is false if nobody did, be it with a no.
// Of several names that are names, the first by the alphabet is taken: servers
// turn them around with each answer.
func (d *DNS) one(ctx context.Context, a netip.Addr) (name string, answered bool) {
	type result struct {
		names []string
		err   error
	}
	got := make(chan result, 1)
	go func() { // a lookup that doesn't heed ctx is left behind
		names, err := d.lookup(ctx, a.String())
		got <- result{names, err}
	}()
	select {
	case <-ctx.Done():
		return "", false
	case r := <-got:
		// With an error come those of the names that are fit (net.Resolver).
		return best(r.names), r.err == nil || len(r.names) > 0 || isNo(r.err)
	}
}

// isNo tells the answer that there is no name from no answer.
func isNo(err error) bool {
	var e *net.DNSError
	return errors.As(err, &e) && e.IsNotFound
}

func best(names []string) string {
	found := ""
	for _, s := range names {
		if name, ok := HostName(s); ok && (found == "" || name < found) {
			found = name
		}
	}
	return found
}

func (d *DNS) learn(a netip.Addr, name string, now time.Time) {
	keep := keepName
	if name == "" {
		keep = keepNone
	}
	if _, known := d.answers[a]; known || len(d.answers) < maxAnswers {
		d.answers[a] = answer{name, now.Add(keep)}
	}
}

// prune forgets answers that no longer stand, once there are many.
func (d *DNS) prune(now time.Time) {
	if len(d.answers) < maxAnswers/2 {
		return
	}
	for a, r := range d.answers {
		if !now.Before(r.until) {
			delete(d.answers, a)
		}
	}
}
