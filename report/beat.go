package report

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// BeatType is the media type of a [Beat], plain or gzipped. A server that knows
// no beats refuses it unread.
const BeatType = "application/vnd.dotm.beat"

// MaxBeatBytes bounds a beat, unpacked.
const MaxBeatBytes = MaxBytes

// ErrUnknown is wrapped by the error for a beat that builds on a report which
// the server doesn't have: it asks for the whole.
var ErrUnknown = errors.New("beat builds on a report that the server doesn't have")

// WholeWanted is the type of the problem document (RFC 9457) by which a server
// asks for the whole report, with status 409.
const WholeWanted = "/problems/whole-report-wanted"

// Beat is a report told by what changed since the one before: numbers of rows
// that [Structure] leaves out. Where rows come or go that the last whole report
// doesn't have, the agent sends a whole one.
//
// A row that is not told has the numbers that were told last, and nothing that
// happened: its counters are 0. Counters are therefore never held back; other
// numbers are until they have changed by enough to mean something.
type Beat struct {
	// Version is the format's "major.minor"; see [Version].
	Version string `json:"version"`
	// Structure is that of the report.
	Structure string `json:"structure"`
	Node      Node   `json:"node"`
	// Instance and Policy are as in [Agent].
	Instance string `json:"instance"`
	Policy   string `json:"policy,omitempty"`
	// Sequence is this report's, After that of the one it builds on, whole or
	// beat.
	Sequence uint64 `json:"sequence"`
	After    uint64 `json:"after"`
	// At is the report's Time. The others are the report's own.
	At         time.Time `json:"at"`
	LagMS      int64     `json:"lag_ms,omitempty"`
	SpanMS     int64     `json:"span_ms,omitempty"`
	IntervalMS int64     `json:"interval_ms"`
	Leaving    Leaving   `json:"leaving,omitempty"`
	// Listeners, Connections and Forwards are the rows that changed, each at
	// most once.
	Listeners   []ListenerNumbers   `json:"listeners,omitempty"`
	Connections []ConnectionNumbers `json:"connections,omitempty"`
	Forwards    []ForwardNumbers    `json:"forwards,omitempty"`
	// Shortages are all of the report's.
	Shortages []Shortage `json:"shortages,omitempty"`
	Coverage  Coverage   `json:"coverage"`
	Cost      Cost       `json:"cost"`
}

// ListenerNumbers are the numbers of one listener; see [Listener].
type ListenerNumbers struct {
	Row      int    `json:"row"` // its index in the whole report
	PID      int    `json:"pid,omitempty"`
	Queue    uint32 `json:"queue,omitempty"`
	QueueMax uint32 `json:"queue_max,omitempty"`
	Drops    uint64 `json:"drops,omitempty"`
}

// ConnectionNumbers are the numbers of one row of connections; see
// [Connection].
type ConnectionNumbers struct {
	Row      int      `json:"row"` // its index in the whole report
	PID      int      `json:"pid,omitempty"`
	Peers    int      `json:"peers,omitempty"`
	Count    int      `json:"count,omitempty"`
	Opened   uint64   `json:"opened,omitempty"`
	Refused  uint64   `json:"refused,omitempty"`
	TimedOut uint64   `json:"timed_out,omitempty"`
	Failed   uint64   `json:"failed,omitempty"`
	Health   *Health  `json:"health,omitempty"`
	Tuples   []uint64 `json:"tuples,omitempty"`
}

// ForwardNumbers are the numbers of one forward; see [Forward].
type ForwardNumbers struct {
	Row   int `json:"row"` // its index in the whole report
	Count int `json:"count,omitempty"`
}

// Numbers are what a beat tells of a listener.
func (l *Listener) Numbers(row int) ListenerNumbers {
	return ListenerNumbers{row, l.PID, l.Queue, l.QueueMax, l.Drops}
}

func (l *Listener) set(n ListenerNumbers) {
	l.PID, l.Queue, l.QueueMax, l.Drops = n.PID, n.Queue, n.QueueMax, n.Drops
}

// Numbers are what a beat tells of a row of connections.
func (c *Connection) Numbers(row int) ConnectionNumbers {
	return ConnectionNumbers{row, c.PID, c.Peers, c.Count, c.Opened, c.Refused, c.TimedOut, c.Failed, c.Health, c.Tuples}
}

func (c *Connection) set(n *ConnectionNumbers) {
	c.PID, c.Peers, c.Count, c.Health, c.Tuples = n.PID, n.Peers, n.Count, n.Health, n.Tuples
	c.Opened, c.Refused, c.TimedOut, c.Failed = n.Opened, n.Refused, n.TimedOut, n.Failed
}

// Idle reports whether a row says nothing: it stands for what a whole report
// had and a later beat closed.
func (c *Connection) Idle() bool {
	return !c.Made() && !c.Tried() && (c.Health == nil || c.Health.Connecting+c.Health.CloseWait == 0)
}

// EncodeBeat writes b as gzipped JSON.
func EncodeBeat(w io.Writer, b *Beat) error {
	zw := gzip.NewWriter(w)
	if err := json.NewEncoder(zw).Encode(b); err != nil {
		return fmt.Errorf("encoding beat of %s: %w", b.Node.Name, err)
	}
	if err := zw.Close(); err != nil {
		return fmt.Errorf("packing beat of %s: %w", b.Node.Name, err)
	}
	return nil
}

// DecodeBeat reads one beat, gzipped or plain, within the limits of [Decode].
// It checks the form only.
func DecodeBeat(body io.Reader) (*Beat, error) {
	raw, err := unpack(body)
	if err != nil {
		return nil, err
	}
	if b, ok := quickBeat(raw); ok {
		return b, nil
	}
	return decodeBeat(raw)
}

// decodeBeat decodes a beat in any form that JSON may have.
func decodeBeat(raw []byte) (*Beat, error) {
	var b Beat
	dec := json.NewDecoder(bytes.NewReader(raw))
	if err := dec.Decode(&b); err != nil {
		var at struct{ At string }
		if json.Unmarshal(raw, &at) == nil && at.At != "" && new(time.Time).UnmarshalText([]byte(at.At)) != nil {
			return nil, broken("at", "must be a time of RFC 3339", at.At)
		}
		return nil, malformed(err, raw)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, broken("beat", "must be one JSON object and nothing after it", fmt.Sprintf("more text at byte %d", dec.InputOffset()))
	}
	return &b, nil
}

// Validate checks what can be checked of a beat alone. The report that
// [Expand] makes of it has rules of its own.
func (b *Beat) Validate() error {
	head := Report{Version: b.Version, Node: b.Node}
	if err := head.validateVersion(); err != nil {
		return err
	}
	if err := head.validateNode(); err != nil {
		return err
	}
	if b.Instance == "" || plainName(b.Instance) != nil {
		return broken("instance", plainName(b.Instance).Error(), b.Instance)
	}
	if notHex := func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') }; len(b.Structure) != 32 || strings.ContainsFunc(b.Structure, notHex) {
		return broken("structure", "must be 32 digits of 0-9 and a-f", b.Structure)
	}
	if b.After == 0 || b.After >= b.Sequence {
		return broken("after", fmt.Sprintf("must be 1 or more, and less than the sequence %d", b.Sequence), b.After)
	}
	if err := checkDurations(b.IntervalMS, b.LagMS, b.SpanMS); err != nil {
		return err
	}
	if err := validateShortages(b.Shortages); err != nil {
		return err
	}
	if err := b.Leaving.validate(); err != nil {
		return err
	}
	return checkText("policy", b.Policy, MaxName)
}

// Expand makes the report that a valid beat tells of. whole is what it builds
// on: the last whole report, or what Expand made of it and the beats since. It
// is not changed, and what it makes shares all that is no number with it. Rows
// that have nothing open any more stay, so that every row keeps its index;
// [Report.Busy] is without them.
//
// An error that wraps [ErrUnknown] says that whole is not what the beat builds
// on, a [*FieldError] that the beat breaks a rule.
func Expand(whole *Report, b *Beat) (*Report, error) {
	own := *whole
	own.Connections = append([]Connection(nil), whole.Connections...)
	return Retell(&own, b)
}

// Retell is [Expand] for a report whose rows of connections nobody else has: they are
// written over.
func Retell(whole *Report, b *Beat) (*Report, error) {
	if whole.Agent.Instance != b.Instance || whole.Node != b.Node || whole.Sequence != b.After {
		return nil, fmt.Errorf("%w: sequence %d of instance %q", ErrUnknown, b.After, b.Instance)
	}
	r := *whole
	r.Version, r.Agent.Policy, r.Sequence, r.Counted = b.Version, b.Policy, b.Sequence, 0
	r.Time, r.LagMS, r.SpanMS, r.IntervalMS = b.At, b.LagMS, b.SpanMS, b.IntervalMS
	r.Leaving = b.Leaving
	r.Shortages, r.Coverage, r.Cost = b.Shortages, b.Coverage, b.Cost
	r.Listeners = quietListeners(whole)
	quiet(whole, b)
	r.Forwards = append([]Forward(nil), whole.Forwards...)
	if err := r.retell(b); err != nil {
		return nil, err
	}
	return &r, nil
}

// retell sets the numbers of the rows that changed.
func (r *Report) retell(b *Beat) error {
	at := ascending{list: "listeners", n: len(r.Listeners)}
	for i, l := range b.Listeners {
		if err := at.take(i, l.Row); err != nil {
			return err
		}
		r.Listeners[l.Row].set(l)
	}
	at = ascending{list: "connections", n: len(r.Connections)}
	for i := range b.Connections {
		c := &b.Connections[i]
		if err := at.take(i, c.Row); err != nil {
			return err
		}
		r.Connections[c.Row].set(c)
	}
	at = ascending{list: "forwards", n: len(r.Forwards)}
	for i, f := range b.Forwards {
		if err := at.take(i, f.Row); err != nil {
			return err
		}
		r.Forwards[f.Row].Count = f.Count
	}
	return nil
}

// ascending sees to it that rows exist and are told once: each is greater than
// the one before.
type ascending struct {
	list string
	n    int // of rows in the whole report
	next int // the least row that may follow
}

func (s *ascending) take(i, row int) error {
	field := fmt.Sprintf("%s[%d].row", s.list, i)
	switch {
	case row < 0 || row >= s.n:
		return broken(field, fmt.Sprintf("must be one of the %d rows of the whole report", s.n), row)
	case row < s.next:
		return broken(field, "must be greater than the row before", row)
	}
	s.next = row + 1
	return nil
}

// quietListeners are a report's listeners with nothing that happened.
func quietListeners(whole *Report) []Listener {
	list := append([]Listener(nil), whole.Listeners...)
	for i := range list {
		list[i].Drops = 0
	}
	return list
}

// quiet leaves nothing in a report's rows that happened, and lets go on what does as it
// did: as many bytes in a second, for as long as they wait.
func quiet(whole *Report, b *Beat) {
	list := whole.Connections
	var healths []Health
	passed := b.At.Sub(whole.Time).Milliseconds()
	for i := range list {
		c := &list[i]
		c.Opened, c.Refused, c.TimedOut, c.Failed = 0, 0, 0, 0
		h := c.Health
		if h == nil || h.Sent+h.Received == 0 && h.Connecting+h.CloseWait == 0 {
			continue
		}
		if healths == nil {
			healths = make([]Health, 0, len(list)-i)
		}
		healths = append(healths, h.after(whole.SpanMS, b.SpanMS, passed))
		c.Health = &healths[len(healths)-1]
	}
}

// after is the health of a row that goes on as before, over another span.
func (h *Health) after(before, now, passed int64) Health {
	next := *h
	next.Sent, next.Received = overSpan(h.Sent, before, now), overSpan(h.Received, before, now)
	if h.Connecting > 0 {
		next.ConnectingMS = max(h.ConnectingMS+passed, 0)
	}
	if h.CloseWait > 0 {
		next.CloseWaitMS = max(h.CloseWaitMS+passed, 0)
	}
	return next
}

// overSpan is how many bytes that were counted over one span are over another,
// at the same rate, which has two digits: so that it is the same again when it
// is computed anew.
func overSpan(bytes uint64, before, now int64) uint64 {
	if before <= 0 {
		return 0
	}
	rate := float64(bytes) / (float64(before) / 1000)
	unit := 1.0
	if rate >= 100 {
		unit = math.Pow(10, math.Floor(math.Log10(rate))-1)
	}
	return uint64(math.Round(math.Round(rate/unit) * unit * float64(now) / 1000))
}

// Steady rounds the rows' bytes so that each rate has two digits.
func (r *Report) Steady() {
	for i := range r.Connections {
		if h := r.Connections[i].Health; h != nil {
			h.Sent, h.Received = overSpan(h.Sent, r.SpanMS, r.SpanMS), overSpan(h.Received, r.SpanMS, r.SpanMS)
		}
	}
}

// Busy is the report without rows that say nothing. It shares its rows with the report,
// as far as it can.
func (r *Report) Busy() *Report {
	busy := *r
	first := 0
	for first < len(r.Connections) && !r.Connections[first].Idle() {
		first++
	}
	if first < len(r.Connections) {
		busy.Connections = append(make([]Connection, 0, len(r.Connections)), r.Connections[:first]...)
		for i := range r.Connections[first:] {
			if c := &r.Connections[first+i]; !c.Idle() {
				busy.Connections = append(busy.Connections, *c)
			}
		}
	}
	busy.Forwards = nil
	for _, f := range r.Forwards {
		if f.Count > 0 {
			busy.Forwards = append(busy.Forwards, f)
		}
	}
	return &busy
}
