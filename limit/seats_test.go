package limit

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestSeats(t *testing.T) {
	s := NewSeats[string](3, 2)
	leaveA, ok := s.Take("a")
	_, ok2 := s.Take("a")
	if _, third := s.Take("a"); !ok || !ok2 || third {
		t.Errorf("%v %v %v", ok, ok2, third)
	}
	if _, ok := s.Take("b"); !ok {
		t.Error("b has no seat")
	}
	if _, ok := s.Take("c"); ok {
		t.Error("a fourth seat")
	}
	leaveA()
	leaveA()
	if _, ok := s.Take("c"); !ok {
		t.Error("a seat that was left is taken")
	}
	if _, ok := s.Take("c"); ok {
		t.Error("left twice")
	}
	if s.Refused() != 3 || s.Held() != 3 {
		t.Errorf("%d refused, %d held", s.Refused(), s.Held())
	}
}

// Who waits gets a seat in turn, but for those whose key has as many as it may: they
// hold up nobody. Who waited long enough goes, and leaves nothing behind.
func TestSeatsInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSeats[string](2, 1)
		leaveA, _ := s.Take("a")
		leaveB, _ := s.Take("b")
		var mu sync.Mutex // of what follows
		var came []string
		leave := map[string]func(){}
		var all sync.WaitGroup
		for i, who := range []string{"a 1", "c 2", "d 3", "e 4"} {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(10-i)*time.Second)
				defer cancel()
				l, ok := s.Wait(ctx, who[:1])
				mu.Lock()
				defer mu.Unlock()
				if came, leave[who] = append(came, who), l; !ok {
					came[len(came)-1] += " not"
				}
			})
			synctest.Wait()
		}
		if len(came) > 0 {
			t.Fatalf("came %v", came)
		}
		leaveB()
		synctest.Wait()
		leave["c 2"]()
		synctest.Wait()
		<-time.After(8 * time.Second) // e waits for seven
		leaveA()                      // and a has one again
		all.Wait()
		if want := []string{"c 2", "d 3", "e 4 not", "a 1"}; !slices.Equal(came, want) {
			t.Errorf("came %v, want %v", came, want)
		}
		if s.Held() != 2 || s.Refused() != 1 || len(s.queue) != 0 {
			t.Errorf("%d held, %d refused, %d wait", s.Held(), s.Refused(), len(s.queue))
		}
		leave["d 3"]()
		leave["a 1"]()
		if s.Held() != 0 || len(s.held) != 0 {
			t.Errorf("%d held, by %v", s.Held(), s.held)
		}
	})
}

// However many want seats at once, nobody has one too many, nobody waits beside a free
// one, and at the end all are free.
func TestSeatsOfMany(t *testing.T) {
	s := NewSeats[string](5, 2)
	var mu sync.Mutex
	held, total, served := map[string]int{}, 0, 0
	count := func(who string, n int) {
		mu.Lock()
		defer mu.Unlock()
		held[who] += n
		if total += n; total > 5 || held[who] > 2 {
			t.Errorf("%d held, %d by %s", total, held[who], who)
		}
		served += max(0, n)
	}
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			who := fmt.Sprint(i % 7)
			leave, ok := s.Wait(t.Context(), who)
			if !ok {
				t.Errorf("%s has waited in vain", who)
				return
			}
			count(who, 1)
			count(who, -1)
			leave()
		})
	}
	all.Wait()
	if served != 200 || s.Held() != 0 || s.Refused() != 0 {
		t.Errorf("%d served, %d held, %d refused", served, s.Held(), s.Refused())
	}
}

// No bound, and none at all, let everybody in at once.
func TestNoSeats(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, s := range []*Seats[int]{nil, NewSeats[int](0, 0)} {
		for range 100 {
			if _, ok := s.Wait(gone, 1); !ok {
				t.Fatal("no bound bounds")
			}
			if _, ok := s.Take(1); !ok {
				t.Fatal("no bound bounds")
			}
		}
	}
}
