package findings

import (
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/test/shop"
)

func TestCovered(t *testing.T) {
	at := func(h int) time.Time { return shop.Noon.Add(time.Duration(h) * time.Hour) }
	for _, tt := range []struct {
		gaps []store.Gap
		want int
	}{
		{nil, 100},
		{[]store.Gap{{From: at(2), To: at(4)}}, 80},
		{[]store.Gap{{From: at(-5), To: at(1)}, {From: at(9)}}, 80},
		{[]store.Gap{{From: at(2), To: at(6)}, {From: at(4), To: at(5)}, {From: at(5), To: at(7)}}, 50},
		{[]store.Gap{{From: at(-1)}}, 0},
	} {
		if got := covered(tt.gaps, at(0), at(10)); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.gaps, got, tt.want)
		}
	}
}
