//go:build !linux

package scan

import "context"

// Explain says that sockets can be read on Linux only, as [New] does.
func Explain(_ context.Context, o Options) (Abilities, error) {
	_, err := New(o)
	return Abilities{}, err
}
