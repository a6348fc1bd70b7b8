package storetest

import (
	"testing"

	"github.com/devops-trouble-map/dotm/store"
)

// TestShared: what tests use instead of an engine passes the engines' suite.
func TestShared(t *testing.T) {
	s := NewShared()
	RunShared(t, func(*testing.T) Sharing {
		return s.Link()
	})
}
