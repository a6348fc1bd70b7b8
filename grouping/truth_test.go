package grouping

import "testing"

// worst keeps the lowest of each figure, and the sum of hubs.
func (f *figures) worst(o figures) {
	f.poolPrecision, f.poolRecall = min(f.poolPrecision, o.poolPrecision), min(f.poolRecall, o.poolRecall)
	f.groupPrecision, f.groupRecall = min(f.groupPrecision, o.groupPrecision), min(f.groupRecall, o.groupRecall)
	f.hubsMissed += o.hubsMissed
	f.hubsWrong += o.hubsWrong
}

// add adds a share of figures.
func (f *figures) add(o figures, n int) {
	f.poolPrecision += o.poolPrecision / float64(n)
	f.poolRecall += o.poolRecall / float64(n)
	f.groupPrecision += o.groupPrecision / float64(n)
	f.groupRecall += o.groupRecall / float64(n)
}

// TestKnownSites scores generated sites against what they were made of. Hubs must
// be exact in every one. Of pools and groups the mean counts: in a small site
// with calls between products it can be anybody's guess what one product is, and
// the lowest figures are only held to a floor.
func TestKnownSites(t *testing.T) {
	for _, tt := range []struct {
		hosts, seeds int
		pools        float64 // the mean of both figures, at least
		groups       float64
		poolFloor    float64 // each figure of each site, at least
		groupFloor   float64
	}{
		{40, 30, 0.96, 0.95, 0.82, 0.65},
		{150, 20, 0.96, 0.97, 0.85, 0.82},
		{600, 5, 0.98, 0.97, 0.95, 0.95},
		{3000, 1, 0.96, 0.94, 0.96, 0.94},
	} {
		mean, low := figures{}, figures{poolPrecision: 1, poolRecall: 1, groupPrecision: 1, groupRecall: 1}
		for seed := range uint64(tt.seeds) {
			p, want := generate(seed, tt.hosts)
			var m Memory
			f := measure(m.Advance(p.snapshot(t), nil, noon), want)
			mean.add(f, tt.seeds)
			low.worst(f)
			if f.hubsMissed+f.hubsWrong > 0 {
				t.Errorf("%d hosts, seed %d: %v", tt.hosts, seed, f)
			}
		}
		t.Logf("%d hosts: mean %v", tt.hosts, mean)
		t.Logf("%d hosts: low  %v", tt.hosts, low)
		if min(mean.poolPrecision, mean.poolRecall) < tt.pools || min(mean.groupPrecision, mean.groupRecall) < tt.groups {
			t.Errorf("%d hosts: mean is %v, want %.2f and %.2f", tt.hosts, mean, tt.pools, tt.groups)
		}
		if min(low.poolPrecision, low.poolRecall) < tt.poolFloor || min(low.groupPrecision, low.groupRecall) < tt.groupFloor {
			t.Errorf("%d hosts: lowest are %v, want %.2f and %.2f", tt.hosts, low, tt.poolFloor, tt.groupFloor)
		}
	}
}
