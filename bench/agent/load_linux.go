package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// pairs is how many server processes a load has, each with a client process of
// its own.
const pairs = 10

// load is a number of open connections, and processes with other descriptors.
type load struct {
	n                        int
	servers, clients, others []*child
	churned                  [pairs]int
}

// sources is from how many loopback addresses each client connects.
const sources = 50

// startLoad opens n connections and waits until the servers have accepted them
// all. The kernel's count has to agree.
func startLoad(ctx context.Context, n, others int) (*load, error) {
	l := &load{n: n}
	for _, step := range []func() error{
		func() error { return l.start(ctx) },
		func() error { return l.open(others) },
		l.check,
	} {
		if err := step(); err != nil {
			l.stop()
			return nil, err
		}
	}
	return l, nil
}

// open opens everything.
func (l *load) open(others int) error {
	err := together(func(i int) error {
		address := fmt.Sprintf("127.0.0.%d:%d", 10+i, 8000+i)
		if _, err := l.servers[i].ask("listen", address, endWaits, part(l.n, i)); err != nil {
			return err
		}
		if _, err := l.clients[i].ask("dial", address, part(l.n, i)); err != nil {
			return err
		}
		_, err := l.servers[i].ask("accepted", part(l.n, i))
		return err
	})
	if err != nil {
		return err
	}
	for i, kind := range []string{"pipe", "eventfd", "null"} {
		if _, err := l.others[i].ask("hold", kind, others); err != nil {
			return err
		}
	}
	return nil
}

// start starts the processes.
func (l *load) start(ctx context.Context) error {
	for _, group := range []struct {
		list  *[]*child
		count int
	}{{&l.servers, pairs}, {&l.clients, pairs}, {&l.others, 3}} {
		for range group.count {
			c, err := startChild(ctx, rolePeer)
			if err != nil {
				return err
			}
			*group.list = append(*group.list, c)
		}
	}
	return nil
}

// together does something for each pair at the same time.
func together(f func(pair int) error) error {
	var g errgroup.Group
	for i := range pairs {
		g.Go(func() error { return f(i) })
	}
	return g.Wait()
}

// part is the share of a pair in n.
func part(n, pair int) int {
	share := n / pairs
	if pair < n%pairs {
		share++
	}
	return share
}

// sockets is how many TCP sockets there should be: two ends of each connection,
// and the listeners.
func (l *load) sockets() int { return 2*l.n + pairs }

// check compares that with the kernel's count. A tool or a look that is measured
// leaves none behind. The last packets of connections that were closed may still
// be on their way; that is waited for.
func (l *load) check() error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(settleLimit); ; <-tick.C {
		inUse, _, err := sockstat()
		switch {
		case err != nil:
			return err
		case inUse == l.sockets():
			return nil
		case time.Now().After(end):
			return fmt.Errorf("%d TCP sockets are in use, not %d: the load is not what it should be", inUse, l.sockets())
		}
	}
}

// settleLimit is the longest that closed connections take to be gone.
const settleLimit = 10 * time.Second

// churn closes n connections, the oldest first, and opens as many. It returns
// when both ends have.
func (l *load) churn(n int) error {
	return together(func(i int) error {
		if _, err := l.clients[i].ask("churn", part(n, i)); err != nil {
			return err
		}
		l.churned[i] += part(n, i)
		_, accepted := l.servers[i].ask("accepted", part(l.n, i)+l.churned[i])
		_, closed := l.servers[i].ask("closed", l.churned[i])
		return errors.Join(accepted, closed)
	})
}

func (l *load) stop() {
	kill(l.clients...)
	kill(l.servers...)
	kill(l.others...)
}
