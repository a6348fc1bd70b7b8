package monitor

import (
	"errors"
	"fmt"
	"io"
)

// This file goes through values that are in memory as a whole. What it lets through, and
// what not, is the same as with an answer that is still to come.

// Fields calls each for every key and value of an object, as [JSON.Fields] does; null
// has none.
func (v Value) Fields(each func(name []byte, v Value) error) error {
	return v.each('{', '}', func(i int) (int, error) {
		if i == len(v) {
			return i, io.EOF
		}
		if v[i] != '"' {
			return i, fmt.Errorf("there is %q where a key should be", v[i])
		}
		end, err := v.str(i)
		if err != nil {
			return i, err
		}
		name := v[i+1 : end-1]
		if i, err = v.take(end, ':'); err != nil {
			return i, err
		}
		if end, err = v.value(i); err != nil {
			return i, err
		}
		return end, each(name, v[v.blank(i):end])
	})
}

// Elements calls each with every element of a list; null has none. What it gets is good
// as long as v is.
func (v Value) Elements(each func(v Value) error) error {
	return v.each('[', ']', func(i int) (int, error) {
		end, err := v.value(i)
		if err != nil {
			return i, err
		}
		return end, each(v[i:end])
	})
}

// each goes through the elements of an object or a list: one takes the one that begins at
// an index, and returns the index behind it.
func (v Value) each(open, end byte, one func(i int) (int, error)) (err error) {
	i := v.blank(0)
	if i < len(v) && v[i] == 'n' {
		if last, err := v.value(i); err != nil || string(v[i:last]) == "null" {
			return err
		}
		return fmt.Errorf("there is %q where %q should be", v[i:], open)
	}
	if i, err = v.take(i, open); err != nil {
		return err
	}
	for first := true; ; first = false {
		if i = v.blank(i); i == len(v) {
			return io.EOF
		}
		if v[i] == end {
			return nil
		}
		if !first {
			if i, err = v.take(i, ','); err != nil {
				return err
			}
			i = v.blank(i)
		}
		if i, err = one(i); err != nil {
			return err
		}
	}
}

// blank is the index of the next byte from i on that is no blank.
func (v Value) blank(i int) int {
	for i < len(v) && (v[i] == ' ' || v[i] == '\n' || v[i] == '\t' || v[i] == '\r') {
		i++
	}
	return i
}

// take takes a byte that must be next, and returns the index behind it.
func (v Value) take(i int, want byte) (int, error) {
	switch i = v.blank(i); {
	case i == len(v):
		return i, io.EOF
	case v[i] != want:
		return i, fmt.Errorf("there is %q where %q should be", v[i], want)
	}
	return i + 1, nil
}

// str is the index behind the string that begins at i.
func (v Value) str(i int) (int, error) {
	for i++; i < len(v); i++ {
		switch v[i] {
		case '"':
			return i + 1, nil
		case '\\':
			i++ // and what it stands before
		}
	}
	return i, io.EOF
}

// value is the index behind the value that begins at i, or behind blanks from there.
func (v Value) value(i int) (_ int, err error) {
	for depth := 0; ; {
		if i = v.blank(i); i == len(v) {
			return i, io.EOF
		}
		c := v[i]
		switch c {
		case '"':
			i, err = v.str(i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case ',', ':':
			i++
		default:
			i, err = v.word(i)
		}
		switch {
		case err != nil:
			return i, err
		case depth == 0 && (c == ',' || c == ':') || depth < 0:
			return i, fmt.Errorf("there is %q where a value should be", c)
		case depth == 0:
			return i, nil
		}
	}
}

// word is the index behind a number, true, false or null.
func (v Value) word(i int) (int, error) {
	begin := i
	for i < len(v) && inWord(v[i]) {
		i++
	}
	switch {
	case i-begin > maxWord:
		return i, errors.New("there is a word that never ends")
	case i == begin:
		return i, fmt.Errorf("there is %q where a value should be", v[i])
	}
	return i, nil
}

// inWord says whether a byte may be part of a word.
func inWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == '-' || c == '.' || c == '+' || c == 'E'
}
