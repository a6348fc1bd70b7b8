package wire

import (
	"fmt"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// The kinds and subjects of events, by the number that stands for them; others
// are written as they are.
var (
	eventKinds = []topology.EventKind{"", topology.Appeared, topology.Vanished, topology.Changed}
	subjects   = []topology.Subject{"", topology.SubjectNode, topology.SubjectService, topology.SubjectConnection, topology.SubjectCheck}
)

// EncodeEvent writes an event but for its time and its holder. Its first byte is the
// version: those before version 3 have revision and id as texts, those of version 1
// have no check. JSON, which events were kept as before, begins with a brace.
func EncodeEvent(e *topology.Event) []byte {
	w := &encoder{buf: make([]byte, 0, 96), known: map[string]uint64{}}
	w.byte(Version)
	w.revision(e.Revision)
	word(w, eventKinds, e.Kind)
	word(w, subjects, e.Subject)
	w.ids([]string{e.ID})
	w.string(e.Node)
	w.string(e.Process)
	w.string(e.Peer)
	w.uint(uint64(e.Port))
	w.strings(e.What)
	w.bool(e.Check != nil)
	if e.Check != nil {
		w.checkEvent(e.Check)
	}
	return w.buf
}

// revision writes an epoch and a number, or a text that is no such.
func (e *encoder) revision(text string) {
	r, err := topology.ParseRevision(text)
	if err != nil || r.Epoch == "" || r.String() != text {
		e.string("")
		e.string(text)
		return
	}
	e.string(r.Epoch)
	e.uint(r.Number)
}

func (d *decoder) revision() string {
	epoch := d.string()
	if epoch == "" {
		return d.string()
	}
	return topology.Revision{Epoch: epoch, Number: d.uint()}.String()
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
	v := d.byte()
	if err := Readable(v); d.err == nil && err != nil {
		return e, fmt.Errorf("event: %w", err)
	}
	e.At = at
	if v < 3 {
		e.Revision = d.string()
	} else {
		e.Revision = d.revision()
	}
	e.Kind, e.Subject = readWord(d, eventKinds), readWord(d, subjects)
	if v < 3 {
		e.ID = d.string()
	} else if id := d.ids(1); len(id) == 1 {
		e.ID = id[0]
	}
	e.Node, e.Process, e.Peer = d.string(), d.string(), d.string()
	e.Port = uint16(d.uint())
	e.What = d.strings()
	if v > 1 && d.byte() != 0 {
		e.Check = d.checkEvent()
	}
	if d.err != nil {
		return e, fmt.Errorf("event: %w", d.err)
	}
	return e, nil
}
