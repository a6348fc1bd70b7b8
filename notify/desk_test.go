package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/topology"
)

// book is a ledger in memory, which can be made to fail.
type book struct {
	mu     sync.Mutex
	marks  map[string]map[string]Mark
	broken error
}

func (b *book) Marks(receiver string) (map[string]Mark, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.marks[receiver]), b.broken
}

func (b *book) Keep(_ context.Context, receiver, incident string, m *Mark) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken != nil {
		return b.broken
	}
	if b.marks == nil {
		b.marks = map[string]map[string]Mark{}
	}
	if b.marks[receiver] == nil {
		b.marks[receiver] = map[string]Mark{}
	}
	if m == nil {
		delete(b.marks[receiver], incident)
	} else {
		b.marks[receiver][incident] = *m
	}
	return nil
}

// inbox is a receiver that writes down what it gets, and when.
type inbox struct {
	mu    sync.Mutex
	begin time.Time
	got   []string
	err   error
	hangs bool
	every time.Duration
}

func (i *inbox) Send(ctx context.Context, n *Notice) error {
	i.mu.Lock()
	hangs := i.hangs
	i.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	line := fmt.Sprintf("%s %s %s %s", n.At.Sub(i.begin).Round(time.Second), n.News, n.Incident.ID, n.Incident.cause())
	if i.err != nil {
		i.got = append(i.got, line+" failed")
		return i.err
	}
	i.got = append(i.got, line)
	return nil
}

func (i *inbox) Repeat() time.Duration { return i.every }

func (i *inbox) take() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	got := i.got
	i.got = nil
	return got
}

func (i *inbox) answer(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.err = err
}

// office is a desk under test.
type office struct {
	*Desk
	*inbox
	book *book
	stop func()
}

// open runs a desk with one receiver, in a bubble of synctest.
func open(t *testing.T, b *book, in *inbox, more ...Receiver) *office {
	t.Helper()
	if in.begin.IsZero() {
		in.begin = time.Now()
	}
	receivers := append([]Receiver{{Options{Name: "r", Kind: Webhook, URL: "http://x"}, in}}, more...)
	o := &office{Desk: NewDesk(receivers, b, nil, slog.New(slog.DiscardHandler)), inbox: in, book: b}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { o.Run(ctx) })
	o.stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(o.stop)
	return o
}

func (o *office) pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // in a bubble
	synctest.Wait()
}

func (o *office) wants(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, o.take()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// trouble is an incident that opens now.
func trouble(id, cause string) *Incident {
	return &Incident{ID: id, Title: "Trouble", Status: topology.Critical, Opened: time.Now(), Causes: []Cause{{Component: cause}}, CauseSince: time.Now()}
}

// but is an incident with something changed.
func (in Incident) but(change func(*Incident)) *Incident { change(&in); return &in }

func ended(in *Incident) { in.Ended = time.Now() }

func TestLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, &book{}, &inbox{})
		a := trouble("a", "db1")
		o.Update(a)
		o.pass(59 * time.Second)
		o.wants(t)
		o.pass(2 * time.Second)
		o.wants(t, "1m0s opened a db1")

		a = a.but(func(in *Incident) { in.Causes, in.CauseSince = []Cause{{Component: "db2"}}, time.Now() })
		o.Update(a)
		o.pass(30 * time.Second)
		o.Update(a.but(func(in *Incident) { in.Causes, in.CauseSince = []Cause{{Component: "db1"}}, time.Now() }))
		o.pass(2 * time.Minute)
		o.wants(t) // back at what was told
		a.CauseSince = time.Now()
		o.Update(a)
		o.pass(time.Minute)
		o.wants(t, "4m31s cause-changed a db2")

		o.Update(a.but(ended))
		o.pass(time.Second)
		o.wants(t, "4m31s resolved a db2")
		o.Update(a.but(func(in *Incident) { in.Opened = time.Now() }))
		o.pass(10 * time.Minute)
		o.wants(t, "5m32s reopened a db2")
		o.pass(48 * time.Hour)
		o.wants(t)
	})
}

// TestUnclear: which cause is first of a list is no news; that one stands out is.
func TestUnclear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, &book{}, &inbox{})
		a := trouble("a", "db1").but(func(in *Incident) { in.Unclear = true })
		o.Update(a)
		o.pass(2 * time.Minute)
		o.Update(a.but(func(in *Incident) { in.Causes, in.CauseSince = []Cause{{Component: "db2"}}, time.Now() }))
		o.pass(2 * time.Minute)
		o.wants(t, "1m0s opened a ")
		o.Update(a.but(func(in *Incident) { in.Unclear, in.CauseSince = false, time.Now() }))
		o.pass(2 * time.Minute)
		o.wants(t, "5m0s cause-changed a db1")
	})
}

// TestNotWorthTelling: what ended before its minute was over, or what somebody took
// care of at once.
func TestNotWorthTelling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, &book{}, &inbox{})
		brief, known := trouble("brief", "x"), trouble("known", "y")
		o.Update(brief)
		o.Update(known)
		o.pass(30 * time.Second)
		o.Update(brief.but(ended))
		o.Update(known.but(func(in *Incident) { in.Acknowledged = true }))
		o.pass(time.Hour)
		o.Update(known.but(ended))
		o.pass(time.Hour)
		o.wants(t)
	})
}

// TestAnotherTells: a server that was started again, or one that takes over, goes on
// where the one before stopped.
func TestAnotherTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := open(t, &book{}, &inbox{})
		a, b, c := trouble("a", "db1"), trouble("b", "db2"), trouble("c", "db3")
		first.Update(a)
		first.Update(b)
		first.pass(2 * time.Minute)
		first.wants(t, "1m0s opened a db1", "1m0s opened b db2")
		first.stop()

		second := open(t, first.book, first.inbox)
		second.Update(a)
		second.Update(b.but(ended))
		second.Update(c)
		second.pass(2 * time.Minute)
		second.wants(t, "2m0s resolved b db2", "2m0s opened c db3")
	})
}

// TestAwayReceiver: what couldn't be told is told when it can be, as it is then.
func TestAwayReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, &book{}, &inbox{})
		o.answer(errors.New("connection refused"))
		a, b := trouble("a", "db1"), trouble("b", "db2")
		o.Update(a)
		o.Update(b)
		o.pass(30 * time.Minute)
		got := o.take()
		if n := len(got); n < 6 || n > 16 || slices.Contains(got, "1m0s opened b db2 failed") {
			t.Errorf("tried %d times in half an hour: %q", n, got)
		}
		if st := o.Deliveries()[0]; st.Error != "connection refused" || st.Waiting != 2 || st.Since.IsZero() || st.Sent != 0 {
			t.Errorf("its state is %+v", st)
		}
		o.Update(b.but(ended))
		o.answer(nil)
		o.pass(6 * time.Minute)
		if got := o.take(); len(got) != 1 {
			t.Errorf("told %q", got)
		}
		if st := o.Deliveries()[0]; st.Error != "" || st.Waiting != 0 || st.Sent != 1 {
			t.Errorf("its state is %+v", st)
		}
	})
}

// TestRefusedNotice: one that is refused holds up no other.
func TestRefusedNotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, &book{}, &inbox{})
		o.answer(&Refused{errors.New("400")})
		o.Update(trouble("a", "db1"))
		o.pass(time.Second)
		o.Update(trouble("b", "db2"))
		o.pass(time.Minute)
		o.wants(t, "1m0s opened a db1 failed", "1m1s opened b db2 failed")
		o.answer(nil)
		o.pass(10 * time.Minute)
		o.wants(t, "6m0s opened a db1", "6m1s opened b db2")
	})
}

// TestHangingReceiver holds up nobody else.
func TestHangingReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := &inbox{hangs: true}
		o := open(t, &book{}, &inbox{}, Receiver{Options{Name: "stuck", Kind: Email}, stuck})
		for i := range 20 {
			o.Update(trouble(fmt.Sprint("i", i), "x"))
		}
		o.pass(61 * time.Second)
		if got := o.take(); len(got) != 20 {
			t.Errorf("%d were told", len(got))
		}
		o.pass(time.Minute)
		if st := o.Deliveries()[1]; st.Failed == 0 || st.Waiting != 20 {
			t.Errorf("the state of the other is %+v", st)
		}
	})
}

// TestRepeater: who forgets is told each minute, without news, while it lasts, and
// while somebody takes care of it.
func TestRepeater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, &book{}, &inbox{every: time.Minute})
		a := trouble("a", "db1")
		o.Update(a)
		o.pass(2*time.Minute + time.Second)
		o.Update(a.but(func(in *Incident) { in.Acknowledged = true }))
		o.pass(time.Minute)
		o.Update(a.but(ended))
		o.pass(time.Hour)
		o.wants(t, "1m0s opened a db1", "2m0s opened a db1", "3m0s opened a db1", "3m1s resolved a db1")
		if n := len(o.book.marks["r"]); n != 1 {
			t.Errorf("%d marks are kept", n)
		}
	})
}

// TestLedgerAway: while the store can't be read nothing is told, for nobody knows what
// was; while it can't be written, things are told once.
func TestLedgerAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &book{broken: errors.New("disk full")}
		o := open(t, b, &inbox{})
		o.Update(trouble("a", "db1"))
		o.pass(10 * time.Minute)
		o.wants(t)
		b.mu.Lock()
		b.broken = nil
		b.mu.Unlock()
		o.pass(6 * time.Minute)
		if got := o.take(); len(got) != 1 {
			t.Errorf("told %q", got)
		}
		b.mu.Lock()
		b.broken = errors.New("disk full")
		b.mu.Unlock()
		o.Update(trouble("b", "db2"))
		o.pass(time.Hour)
		if got := o.take(); len(got) != 1 {
			t.Errorf("told %q", got)
		}
	})
}

// TestForgets: marks don't pile up.
func TestForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, &book{}, &inbox{})
		for i := range 50 {
			a := trouble(fmt.Sprint("i", i), "x")
			o.Update(a)
			o.pass(2 * time.Minute)
			o.Update(a.but(ended))
			o.pass(2 * time.Minute)
		}
		o.pass(49 * time.Hour)
		if n := len(o.book.marks["r"]); n != 0 {
			t.Errorf("%d marks are left", n)
		}
		if len(o.incidents) != 0 {
			t.Errorf("%d incidents are left", len(o.incidents))
		}
	})
}

func TestStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, &book{}, &inbox{})
		for range 10 { // each changes ten times within its minute
			for i := range 1000 {
				in := trouble(fmt.Sprint("i", i), "x")
				in.Opened = o.begin
				o.Update(in)
			}
			o.pass(5 * time.Second)
		}
		o.pass(time.Minute)
		if got := o.take(); len(got) != 1000 {
			t.Errorf("%d notices", len(got))
		}
	})
}

func TestTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, &book{}, &inbox{})
		if err := o.Try(t.Context(), "r"); err != nil {
			t.Error(err)
		}
		o.wants(t, "0s test test ")
		o.answer(errors.New("no"))
		if err := o.Try(t.Context(), "r"); err == nil || err.Error() != "telling r: no" {
			t.Error(err)
		}
		if err := o.Try(t.Context(), "other"); !errors.Is(err, ErrNoReceiver) {
			t.Error(err)
		}
	})
}
