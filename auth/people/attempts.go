package people

import (
	"net/netip"
	"sync"
	"time"
)

// How logins that fail slow down those that follow. An address waits longer and
// longer. A user is slowed down only when very many addresses try, by a second
// each, and never at an address from which the user logged in before: so nobody
// can lock anybody else out for good.
const (
	freeAttempts     = 5   // of an address
	freeUserAttempts = 100 // of a user, from all addresses
	firstWait        = time.Second
	longestWait      = 15 * time.Minute
	userWait         = time.Second
	forgiveAfter     = time.Hour
	maxRemembered    = 10_000 // addresses, and users
)

// attempts remembers who failed to log in. It holds a bounded number of names.
type attempts struct {
	mu        sync.Mutex
	addresses map[netip.Prefix]*failures
	users     map[string]*failures
	proven    map[proof]time.Time
}

// failures are those of one address or one user.
type failures struct {
	count       int
	last, until time.Time
}

// proof is that a user logged in from an address.
type proof struct {
	address netip.Prefix
	user    string
}

func newAttempts() *attempts {
	return &attempts{addresses: map[netip.Prefix]*failures{}, users: map[string]*failures{}, proven: map[proof]time.Time{}}
}

// origin is what counts as one address: a /64 of IPv6 is one subscriber's.
func origin(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // fits every valid address; the zero prefix stands for no address
	return p
}

// begin judges an attempt, and counts it as failed until [attempts.succeed]:
// attempts at the same time don't get by. A positive result is how long to wait.
func (a *attempts) begin(from netip.Addr, user string, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	where := origin(from)
	address, name := recall(a.addresses, where, now), recall(a.users, user, now)
	if _, known := a.proven[proof{where, user}]; !known && name.until.After(now) {
		return name.until.Sub(now)
	}
	if address.until.After(now) {
		return address.until.Sub(now)
	}
	address.fail(now, freeAttempts, longestWait)
	name.fail(now, freeUserAttempts, userWait)
	return 0
}

// succeed takes back what begin counted.
func (a *attempts) succeed(from netip.Addr, user string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.addresses, origin(from))
	if f := a.users[user]; f != nil {
		f.count = max(f.count-1, 0)
	}
	makeRoom(a.proven, func(t time.Time) time.Time { return t })
	a.proven[proof{origin(from), user}] = now
}

// fail counts one, and sets how long the next has to wait.
func (f *failures) fail(now time.Time, free int, longest time.Duration) {
	f.count++
	f.last = now
	if over := f.count - free; over >= 0 {
		f.until = now.Add(min(firstWait<<min(over, 20), longest))
	}
}

// recall finds what is known of a name; what is long ago is forgiven.
func recall[K comparable](m map[K]*failures, name K, now time.Time) *failures {
	f := m[name]
	if f == nil || now.Sub(f.last) > forgiveAfter {
		makeRoom(m, func(f *failures) time.Time { return f.last })
		f = &failures{last: now}
		m[name] = f
	}
	return f
}

// makeRoom forgets the one that was heard of least recently where there are too
// many.
func makeRoom[K comparable, V any](m map[K]V, last func(V) time.Time) {
	if len(m) < maxRemembered {
		return
	}
	var oldest K
	var when time.Time
	for k, v := range m {
		if t := last(v); when.IsZero() || t.Before(when) {
			oldest, when = k, t
		}
	}
	delete(m, oldest)
}
