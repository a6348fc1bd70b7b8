package journal

import (
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/shop"
)

// TestCrowd: who was left out is told with the next.
func TestCrowd(t *testing.T) {
	var c crowd
	for range mostTries + 3 {
		c.lets(shop.Noon, &noting{})
	}
	n := &noting{}
	if !c.lets(shop.Noon.Add(time.Minute), n) || len(n.Changes) != 1 || n.Changes[0].After != "3" {
		t.Errorf("%+v", n)
	}
}
