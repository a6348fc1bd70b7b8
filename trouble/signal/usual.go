package signal

// usual is what is usual of a figure: about the median of what was seen, and about the
// median of the distances from it. Each new figure moves them by a bounded step, so
// that however far off it is, it counts as much as any other: half of the figures may
// be off before what is usual follows. (Frugal streaming: Ma, Muthukrishnan, Sandler,
// 2013.) It takes ten bytes.
type usual struct {
	mid, dev float32
	n        uint16
}

// The steps, in the figure's unit.
const (
	leastStep = .01
	slowdown  = 50 // while a figure is called unusual
)

// learn takes in a figure. What is called unusual is learned, too, but slowly: after a
// day or so it is usual.
func (u *usual) learn(x float32, unusual bool) {
	if u.n == 0 {
		u.mid, u.n = x, 1
		return
	}
	if u.n < 1<<16-1 {
		u.n++
	}
	d := x - u.mid
	if unusual {
		u.mid += clamp(d, leastStep/slowdown)
		return
	}
	step := max(4/float32(u.n), leastStep) // the first figure may have been far off
	u.mid += clamp(d, step)
	u.dev += clamp(abs(d)-u.dev, step/2)
}

func clamp(v, most float32) float32 { return max(-most, min(most, v)) }

func abs(v float32) float32 { return max(v, -v) }
