package monitor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// maxElement is the most bytes of one element of a list, so that an answer of
// half a gigabyte needs no memory of that size.
const maxElement = 4 << 20

// JSON reads an answer in JSON element by element, as it comes, duplicate keys
// too. Its errors are an [*Error], but for [io.EOF] where there is nothing at all.
//
// It has a scanner of its own since encoding/json looks at every byte several times,
// and most of an answer is left out here. What is decoded is valid JSON; of what is
// left out only the brackets and strings are looked at.
type JSON struct {
	r    io.Reader
	buf  []byte // what was read: buf[pos:] is to come
	pos  int
	keep int   // what is kept of buf before pos; -1 for nothing
	off  int64 // of buf[0] in the answer
	err  error // of r
	any  bool  // there was something else than blanks
}

// NewJSON reads from r.
func NewJSON(r io.Reader) *JSON {
	return &JSON{r: r, buf: make([]byte, 0, 64<<10), keep: -1}
}

// fill reads more; what is kept moves to the front of the buffer.
func (j *JSON) fill() error {
	if j.err != nil {
		return j.err
	}
	from := j.pos
	if j.keep >= 0 {
		from, j.keep = j.keep, 0
	}
	if len(j.buf)-from > maxElement {
		return &Error{Reason: TooLarge, Text: fmt.Sprintf("one element of the answer is longer than %d MiB", maxElement>>20), Hint: "is that the monitoring system?"}
	}
	n := copy(j.buf, j.buf[from:])
	j.buf, j.pos, j.off = j.buf[:n], j.pos-from, j.off+int64(from)
	if n > cap(j.buf)/2 {
		j.buf = append(make([]byte, 0, 2*cap(j.buf)), j.buf...)
	}
	n, j.err = j.r.Read(j.buf[len(j.buf):cap(j.buf)])
	j.buf = j.buf[:len(j.buf)+n]
	if n > 0 {
		return nil
	}
	return j.err // nil from a reader that has nothing yet
}

// next is the next byte that is no blank; it is not taken.
func (j *JSON) next() (byte, error) {
	for {
		for ; j.pos < len(j.buf); j.pos++ {
			switch c := j.buf[j.pos]; c {
			case ' ', '\t', '\r', '\n':
			default:
				j.any = true
				return c, nil
			}
		}
		if err := j.fill(); err != nil {
			return 0, err
		}
	}
}

// fail makes an error one for people.
func (j *JSON) fail(err error) error {
	var known *Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, io.EOF) && !j.any:
		return io.EOF
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{Reason: NotIt, Text: "the answer ends before it is complete", Hint: "look into the log of the monitoring system and of the web server before it"}
	}
	return &Error{Reason: NotIt, Text: fmt.Sprintf("the answer is not the JSON of such a system, at byte %d", j.off+int64(j.pos)), Hint: "check kind and url", Err: errors.New(Clean(err.Error(), 200))}
}

// take takes a byte that must be next.
func (j *JSON) take(want byte) error {
	c, err := j.next()
	if err != nil {
		return err
	}
	if c != want {
		return fmt.Errorf("there is %q where %q should be", c, want)
	}
	j.pos++
	return nil
}

// str takes a string, with its quotes.
func (j *JSON) str() error {
	for j.pos++; ; {
		for ; j.pos < len(j.buf); j.pos++ {
			switch j.buf[j.pos] {
			case '"':
				j.pos++
				return nil
			case '\\':
				j.pos++ // and what it stands before
			}
		}
		over := j.pos - len(j.buf) // 1 if that is still to come
		j.pos = len(j.buf)
		if err := j.fill(); err != nil {
			return err
		}
		j.pos += over
	}
}

// value takes what is next, whatever it is.
func (j *JSON) value() error {
	for depth := 0; ; {
		c, err := j.next()
		if err != nil {
			return err
		}
		switch c {
		case '"':
			err = j.str()
		case '{', '[':
			depth++
			j.pos++
		case '}', ']':
			depth--
			j.pos++
		case ',', ':':
			j.pos++
		default:
			err = j.word()
		}
		switch {
		case err != nil:
			return err
		case depth == 0 && (c == ',' || c == ':') || depth < 0:
			return fmt.Errorf("there is %q where a value should be", c)
		case depth == 0:
			return nil
		}
	}
}

// maxWord is the most bytes of a number.
const maxWord = 100

// word takes a number, true, false or null.
func (j *JSON) word() error {
	for n := 0; ; {
		for ; j.pos < len(j.buf); j.pos++ {
			c := j.buf[j.pos]
			if inWord(c) {
				n++
				continue
			}
			if n == 0 || n > maxWord {
				return fmt.Errorf("there is %q where a value should be", c)
			}
			return nil
		}
		if n > maxWord {
			return errors.New("there is a word that never ends")
		}
		if err := j.fill(); err != nil {
			if errors.Is(err, io.EOF) && n > 0 {
				return nil // a word at the end of all
			}
			return err
		}
	}
}

// raw takes what is next; it is good until more is read.
func (j *JSON) raw() (Value, error) {
	if _, err := j.next(); err != nil {
		return nil, err
	}
	j.keep = j.pos
	defer func() { j.keep = -1 }()
	if err := j.value(); err != nil {
		return nil, err
	}
	return j.buf[j.keep:j.pos], nil
}

// enter goes into an object or a list; false if there is null in its place.
func (j *JSON) enter(open byte) (bool, error) {
	c, err := j.next()
	if err != nil {
		return false, err
	}
	if c != 'n' {
		return true, j.take(open)
	}
	v, err := j.raw()
	if err == nil && string(v) != "null" {
		err = fmt.Errorf("there is %q where %q should be", v, open)
	}
	return false, err
}

// each goes through the elements of an object or a list.
func (j *JSON) each(open, end byte, one func() error) error {
	if in, err := j.enter(open); !in || err != nil {
		return err
	}
	for first := true; ; first = false {
		c, err := j.next()
		if err != nil {
			return err
		}
		if c == end {
			j.pos++
			return nil
		}
		if !first {
			if err := j.take(','); err != nil {
				return err
			}
		}
		if err := one(); err != nil {
			return err
		}
	}
}

// key takes a key and the colon behind it.
func (j *JSON) key() (Value, error) {
	c, err := j.next()
	if err != nil {
		return nil, err
	}
	if c != '"' {
		return nil, fmt.Errorf("there is %q where a key should be", c)
	}
	return j.raw()
}

// Object calls each for every key of the object that is next; each has to read the
// value, by a method of j. Null is an empty object.
func (j *JSON) Object(each func(key string) error) error {
	err := j.each('{', '}', func() error {
		k, err := j.key()
		if err != nil {
			return err
		}
		key, err := k.Text()
		if err != nil {
			return err
		}
		if err := j.take(':'); err != nil {
			return err
		}
		return called(each(key))
	})
	return j.failed(err)
}

// Array calls each before every element of the list that is next; each has to read
// it, by a method of j. Null is an empty list.
func (j *JSON) Array(each func() error) error {
	return j.failed(j.each('[', ']', func() error { return called(each()) }))
}

// Fields calls each for every key and value of the object that is next. Both are
// good until it returns; name has no escapes left out, as no known key has one. It is
// the fast way to take a few fields of a flat object.
func (j *JSON) Fields(each func(name []byte, v Value) error) error {
	// Where the whole object is in the buffer it is kept there.
	raw, err := j.raw()
	if err != nil {
		return j.failed(err)
	}
	return j.failed(raw.Fields(each))
}

// fromEach is an error of a function that was called: it is given on as it is.
type fromEach struct{ error }

func called(err error) error {
	if err == nil {
		return nil
	}
	return fromEach{err}
}

// failed makes an error one for people, unless a function that was called gave it.
func (j *JSON) failed(err error) error {
	if err == nil {
		return nil
	}
	if f, ok := err.(fromEach); ok { //nolint:errorlint // it is never wrapped
		return f.error
	}
	return j.fail(err)
}

// Decode reads what is next, as [json.Unmarshal] does.
func (j *JSON) Decode(v any) error {
	raw, err := j.raw()
	if err == nil {
		err = json.Unmarshal(raw, v)
	}
	return j.failed(err)
}

// Skip leaves out what is next, however long it is.
func (j *JSON) Skip() error { return j.failed(j.value()) }

// Value is one value of an object, as it is written.
type Value []byte

// Text is a string; that of null is empty.
func (v Value) Text() (s string, err error) {
	if b, ok := v.plain(); ok {
		return string(b), nil
	}
	err = json.Unmarshal(v, &s)
	return s, err
}

// plain is what is between the quotes of a string without escapes.
func (v Value) plain() (text []byte, ok bool) {
	if len(v) >= 2 && v[0] == '"' && bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1], true
	}
	return nil, false
}

// Int is a whole number.
func (v Value) Int() (n int64, err error) {
	if len(v) > 0 && len(v) <= 18 {
		for _, c := range v {
			if c < '0' || c > '9' {
				return v.slowInt()
			}
			n = n*10 + int64(c-'0')
		}
		return n, nil
	}
	return v.slowInt()
}

func (v Value) slowInt() (int64, error) {
	if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
		return n, nil
	}
	return 0, fmt.Errorf("%q is no whole number", v[:min(len(v), 50)])
}

// Float is a number; that of null is 0.
func (v Value) Float() (float64, error) {
	if f, ok := v.decimal(); ok {
		return f, nil
	}
	if string(v) == "null" {
		return 0, nil
	}
	if f, err := strconv.ParseFloat(string(v), 64); err == nil {
		return f, nil
	}
	return 0, fmt.Errorf("%q is no number", v[:min(len(v), 50)])
}

// powers of ten that are exact, as is every whole number of 15 digits: so that one divided
// by the other is what the number is rounded to.
var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// decimal reads a number as most are: of up to 15 digits, with a point or without.
func (v Value) decimal() (f float64, ok bool) {
	n, digits, after := int64(0), 0, -1
	for i, c := range v {
		switch {
		case c >= '0' && c <= '9':
			n = n*10 + int64(c-'0')
			digits++
			if after >= 0 {
				after++
			}
		case c == '.' && after < 0 && i > 0 && i < len(v)-1:
			after = 0
		default:
			return 0, false
		}
		if digits >= len(powers) {
			return 0, false
		}
	}
	return float64(n) / powers[max(after, 0)], digits > 0
}

// Bool is true or false.
func (v Value) Bool() (bool, error) {
	switch string(v) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", v[:min(len(v), 50)])
}
