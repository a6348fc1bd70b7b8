package main

import (
	"math"
	"sync/atomic"
	"time"
)

// The steps in which durations are counted: each is so much longer than the one before.
const (
	shortest = 10 * time.Microsecond
	growth   = 1.02
	steps    = 900 // up to 9 minutes
)

// durations counts how often something took how long, to within a fiftieth. It may be
// used by several goroutines.
type durations struct {
	counts [steps]atomic.Uint32
	most   atomic.Int64
}

func (d *durations) add(took time.Duration) {
	i := int(math.Log(max(float64(took)/float64(shortest), 1)) / math.Log(growth))
	d.counts[min(i, steps-1)].Add(1)
	for {
		most := d.most.Load()
		if int64(took) <= most || d.most.CompareAndSwap(most, int64(took)) {
			return
		}
	}
}

// n is how many there are.
func (d *durations) n() (sum int) {
	for i := range d.counts {
		sum += int(d.counts[i].Load())
	}
	return sum
}

// quantile is the shortest time within which a part q of them was done; 0 of none.
func (d *durations) quantile(q float64) time.Duration {
	wanted := int(math.Ceil(q * float64(d.n())))
	if wanted == 0 {
		return 0
	}
	seen := 0
	for i := range d.counts {
		if seen += int(d.counts[i].Load()); seen >= wanted {
			return min(time.Duration(float64(shortest)*math.Pow(growth, float64(i+1))), d.longest())
		}
	}
	return d.longest()
}

func (d *durations) longest() time.Duration { return time.Duration(d.most.Load()) }

// reset forgets all.
func (d *durations) reset() {
	for i := range d.counts {
		d.counts[i].Store(0)
	}
	d.most.Store(0)
}

// ms are milliseconds, with two digits behind the point.
func ms(d time.Duration) float64 { return math.Round(float64(d)/1e4) / 100 }
