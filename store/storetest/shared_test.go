package storetest

import (
	"testing"
)

// TestShared: what tests use instead of an engine passes the engines' suite.
func TestShared(t *testing.T) {
	s := NewShared()
	RunShared(t, func(*testing.T) Sharing {
		return s.Link()
	})
}
