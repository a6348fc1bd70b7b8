package history

import (
	"fmt"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// eventVersion is the first byte of an encoded event. JSON, which events were
// kept as before, begins with a brace.
const eventVersion = 1

// The kinds and subjects of events, by the number that stands for them; others
// are written as they are.
var (
	eventKinds = []topology.EventKind{"", topology.Appeared, topology.Vanished, topology.Changed}
	subjects   = []topology.Subject{"", topology.SubjectNode, topology.SubjectService, topology.SubjectConnection}
)

// EncodeEvent writes an event but for its time and its holder.
func EncodeEvent(e *topology.Event) []byte {
	w := &encoder{buf: make([]byte, 0, 96), known: map[string]uint64{}}
	w.byte(eventVersion)
	w.string(e.Revision)
	word(w, eventKinds, e.Kind)
	word(w, subjects, e.Subject)
	w.string(e.ID)
	w.string(e.Node)
	w.string(e.Process)
	w.string(e.Peer)
	w.uint(uint64(e.Port))
	w.uint(uint64(len(e.What)))
	for _, what := range e.What {
		w.string(what)
	}
	return w.buf
}

// word writes the number of a word that is listed, else 0 and the word.
func word[T ~string](w *encoder, listed []T, v T) {
	for i := 1; i < len(listed); i++ {
		if listed[i] == v {
			w.byte(byte(i))
			return
		}
	}
	w.byte(0)
	w.string(string(v))
}

func readWord[T ~string](d *decoder, listed []T) T {
	i := int(d.byte())
	switch {
	case i == 0:
		return T(d.string())
	case i >= len(listed):
		d.fail()
		return ""
	}
	return listed[i]
}

// DecodeEvent reads what [EncodeEvent] wrote of an event at a time.
func DecodeEvent(raw []byte, at time.Time) (e topology.Event, err error) {
	d := &decoder{text: string(raw)}
	if v := d.byte(); d.err == nil && v != eventVersion {
		return e, fmt.Errorf("event: %w", wrongVersion(v))
	}
	e.At, e.Revision = at, d.string()
	e.Kind, e.Subject = readWord(d, eventKinds), readWord(d, subjects)
	e.ID, e.Node, e.Process, e.Peer = d.string(), d.string(), d.string(), d.string()
	e.Port = uint16(d.uint())
	if n := d.count(1); n > 0 {
		e.What = make([]string, n)
		for i := range e.What {
			e.What[i] = d.string()
		}
	}
	if d.err != nil {
		return e, fmt.Errorf("event: %w", d.err)
	}
	return e, nil
}
