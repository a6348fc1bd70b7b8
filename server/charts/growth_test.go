package charts

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devops-trouble-map/dotm/view"
)

// visitor is who draws a chart in a test.
type visitor struct {
	*Book
	epoch uint64
	anew  int // how often all was placed from scratch
}

// draw shows boxes from one to another, in a lane, as the API does, and says whether
// they were placed anew.
func (v *visitor) draw(from, to int, lane string) bool {
	var boxes []view.Box
	for i := from; i < to; i++ {
		boxes = append(boxes, view.Box{ID: fmt.Sprint("box", i), Lane: lane})
	}
	v.epoch = v.Epoch(view.LevelPool)
	kept := v.Chart(view.LevelPool).Places
	anew := v.Outgrown(view.LevelPool, boxes, kept)
	var c view.Chart
	for i := range boxes {
		c.Places = append(c.Places, view.Place{ID: boxes[i].ID})
	}
	v.Keep(view.LevelPool, c)
	if anew {
		v.anew++
	}
	return anew
}

// TestGrowth: a chart that fills is placed anew whenever half of it came since the last
// time, when lanes are found, and once when it has grown up; then never again, but if as
// much comes at once.
func TestGrowth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := newShelf(), &strings.Builder{}
		b, stop := open(t, s, log)
		defer stop()
		v := &visitor{Book: b}
		for n := 1; n <= 100; n++ {
			wait(100 * time.Millisecond)
			v.draw(0, n, "")
		}
		if v.anew < 5 || v.anew > 8 { // at 2, 4, 8 and so on
			t.Errorf("placed anew %d times while it grew a hundredfold", v.anew)
		}
		if !v.draw(0, 100, "shop") {
			t.Error("what was placed before there were lanes stays")
		}
		if v.draw(0, 110, "shop") {
			t.Error("a tenth came, and all was placed anew at once")
		}
		v.anew = 0
		before := v.Epoch(view.LevelPool)
		wait(pause + lookEvery)
		if s.touches != 1 || v.Epoch(view.LevelPool) == before {
			t.Errorf("it has grown up: drawn %d times without news, epochs %d and %d", s.touches, before, v.Epoch(view.LevelPool))
		}
		for n := 110; n < 150; n++ { // one a minute
			v.draw(0, n, "shop")
			wait(time.Minute)
		}
		if v.anew != 1 || s.touches != 1 {
			t.Errorf("after it had grown up it was placed anew %d times, drawn without news %d times", v.anew, s.touches-1)
		}
		if !v.draw(0, 400, "shop") {
			t.Error("most of it came at once, and stands in free slots")
		}
	})
}

// TestGrownCharts: what people moved a box of stays, and so does what was there at a
// start; what is back has not come, and a tidied chart is as old as it was.
func TestGrownCharts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := newShelf(), &strings.Builder{}
		b, stop := open(t, s, log)
		v := &visitor{Book: b}
		v.draw(0, 10, "")
		if err := b.Pin(t.Context(), view.LevelPool, map[string]*view.Point{"box1": {X: 1}}); err != nil {
			t.Fatal(err)
		}
		if v.draw(0, 100, ""); v.anew != 0 {
			t.Error("somebody moved a box, and all was placed anew")
		}
		if err := b.Pin(t.Context(), view.LevelPool, map[string]*view.Point{"box1": nil}); err != nil {
			t.Fatal(err)
		}
		wait(youth)
		stop()
		b, stop = open(t, s, log)
		defer stop()
		v.Book = b
		v.draw(0, 100, "")
		v.draw(0, 30, "")
		kept := b.Chart(view.LevelPool)
		for i := 30; i < 100; i++ { // where they stood is known, as of ghosts
			kept.Places = append(kept.Places, view.Place{ID: fmt.Sprint("box", i)})
		}
		b.Keep(view.LevelPool, kept)
		v.draw(0, 100, "")
		if v.draw(0, 120, ""); v.anew != 0 {
			t.Error("what was there at a start, or is back, counts as new")
		}
		if err := b.Tidy(t.Context(), view.LevelPool); err != nil {
			t.Fatal(err)
		}
		v.draw(0, 120, "")
		touches := s.touches
		wait(time.Second)
		v.draw(0, 130, "")
		wait(2 * pause)
		if v.anew != 0 || s.touches != touches {
			t.Error("a chart that was tidied up is young again")
		}
	})
}

// TestGrowthElsewhere: a server goes by the places that the other one found.
func TestGrowthElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := newShelf(), &strings.Builder{}
		s.leads = false
		b, stop := open(t, s, log)
		defer stop()
		v, other := &visitor{Book: b}, &visitor{Book: New(s, slog.New(slog.DiscardHandler))}
		v.draw(0, 10, "")
		v.draw(0, 12, "")
		s.leads = true
		other.draw(0, 12, "")
		other.write(t.Context())
		s.tell()
		synctest.Wait()
		wait(2 * pause)
		if v.draw(0, 12, ""); v.anew != 0 || s.touches != 0 {
			t.Errorf("placed anew %d times, drawn without news %d times", v.anew, s.touches)
		}
	})
}
