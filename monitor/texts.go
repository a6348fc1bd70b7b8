package monitor

// Texts are those that a system said, so that what it says again and again takes room
// once. Those that a whole reading did not name are forgotten after it. A nil one
// remembers nothing. It is for one goroutine.
type Texts struct{ now, before map[string]string }

// Turn begins a reading.
func (t *Texts) Turn() {
	t.before = t.now
	t.now = make(map[string]string, len(t.before))
}

// Of is the text of some bytes.
func (t *Texts) Of(b []byte) string {
	if t == nil || t.now == nil {
		return string(b)
	}
	s, ok := t.now[string(b)]
	if !ok {
		if s, ok = t.before[string(b)]; !ok {
			s = string(b)
		}
		t.now[s] = s
	}
	return s
}

// Text is [Value.Text].
func (t *Texts) Text(v Value) (string, error) {
	if b, ok := v.plain(); ok {
		return t.Of(b), nil
	}
	return v.Text()
}
