package views

import (
	"fmt"
	"sync"

	"github.com/devops-trouble-map/dotm/api/coding"
)

// Event is an event as it goes out: the same bytes for all who are told.
type Event struct {
	Name   string
	Plain  []byte
	Packed func() []byte // made once, when somebody takes it
}

// Tell makes an event. data is a single line, as JSON is.
func Tell(id, event string, data []byte) *Event {
	plain := fmt.Appendf(nil, "id: %s\nevent: %s\ndata: %s\n\n", id, event, data)
	return &Event{event, plain, sync.OnceValue(func() []byte { return coding.Deflated(plain) })}
}
