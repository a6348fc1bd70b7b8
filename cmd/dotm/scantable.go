package main

import (
	"math"
	"slices"
	"unicode/utf8"
)

// tone is how a piece of text is told from others where there are colours.
type tone uint8

// The tones; a larger one is louder.
const (
	quiet   tone = iota
	heading      // bold
	waiting      // yellow
	alarm        // red
)

var tones = [...]string{heading: "\x1b[1m", waiting: "\x1b[33m", alarm: "\x1b[31m"}

const toneEnd = "\x1b[0m"

// cell is one piece of text of a table. Two names in it may be cut where the
// table is too wide: the first lead bytes, and those from name to nameEnd.
type cell struct {
	text                string
	lead, name, nameEnd uint16
	tone                tone
}

// plain is text that must not be cut.
func plain(s string) cell { return cell{text: s} }

// named is a name that may be cut.
func named(s string) cell {
	s = printable(s)
	return cell{text: s, lead: offset(len(s))}
}

// offset is a place in a cell's text, for texts of a sane length: in others,
// what lies beyond is not cut.
func offset(n int) uint16 { return uint16(min(n, math.MaxUint16)) }

// minName is what of a name stays at least when it is cut, with the ellipsis,
// in runes.
const minName = 8

const ellipsis = "…"

// width is the number of runes. Those that terminals show two columns wide are
// taken for one: that may shift a column, and loses nothing.
func (c *cell) width() int { return utf8.RuneCountInString(c.text) }

// least is the width below which nothing can be cut.
func (c *cell) least() int {
	lead, name := c.spans()
	return c.width() - max(0, lead-minName) - max(0, name-minName)
}

// spans are the widths of both names.
func (c *cell) spans() (lead, name int) {
	return utf8.RuneCountInString(c.text[:c.lead]), utf8.RuneCountInString(c.text[c.name:c.nameEnd])
}

// cut gives the text in at most the given width, or as near to it as least
// allows. The longer name is cut first.
func (c *cell) cut(width int) string {
	over := c.width() - width
	if over <= 0 {
		return c.text
	}
	lead, name := c.spans()
	toLead, toName := lead, name
	for ; over > 0 && (toLead > minName || toName > minName); over-- {
		if toLead > minName && (toLead >= toName || toName <= minName) {
			toLead--
		} else {
			toName--
		}
	}
	if c.nameEnd == 0 {
		return shorten(c.text[:c.lead], lead, toLead) + c.text[c.lead:]
	}
	return shorten(c.text[:c.lead], lead, toLead) + c.text[c.lead:c.name] +
		shorten(c.text[c.name:c.nameEnd], name, toName) + c.text[c.nameEnd:]
}

// shorten brings s from one width to another, and shows that it did.
func shorten(s string, from, to int) string {
	if from == to {
		return s
	}
	end := 0
	for range to - 1 {
		_, n := utf8.DecodeRuneInString(s[end:])
		end += n
	}
	return s[:end] + ellipsis
}

// column is one column of a table.
type column struct {
	title string
	right bool // for numbers
}

// table is text in columns. A column in which every cell is empty is left out.
type table struct {
	columns []column
	cells   []cell // row by row
	marks   []byte // of the rows; nil if rows have none
}

// add adds a row, of as many cells as there are columns. mark stands before it
// if the table has marks.
func (t *table) add(mark byte, cells ...cell) {
	t.cells = append(t.cells, cells...)
	if t.marks != nil {
		t.marks = append(t.marks, mark)
	}
}

func (t *table) rows() int { return len(t.cells) / len(t.columns) }

// newTable gives a table for so many rows. With marks, each begins with its own.
func newTable(rows int, marked bool, columns ...column) *table {
	t := &table{columns: columns, cells: make([]cell, 0, rows*len(columns))}
	if marked {
		t.marks = make([]byte, 0, rows)
	}
	return t
}

// gap stands between two columns.
const gap = "  "

// markWidth is what a mark takes.
const markWidth = 2

// append writes the table at the end of b, in at most the screen's width if
// that can be; a width of 0 cuts nothing. A table without rows is nothing.
func (t *table) append(b []byte, s screen) []byte {
	if t.rows() == 0 {
		return b
	}
	shown, widths := t.layout(s.width)
	b = t.line(b, s, shown, widths, ' ', func(i int) cell { return cell{text: t.columns[i].title, tone: heading} })
	for row := range t.rows() {
		mark := byte(' ')
		if t.marks != nil {
			mark = t.marks[row]
		}
		from := row * len(t.columns)
		b = t.line(b, s, shown, widths, mark, func(i int) cell { return t.cells[from+i] })
	}
	return b
}

// layout says which columns are shown, and how wide each is.
func (t *table) layout(room int) (shown, widths []int) {
	all, least := make([]int, len(t.columns)), make([]int, len(t.columns))
	for i := range t.cells {
		c, n := &t.cells[i], i%len(t.columns)
		all[n], least[n] = max(all[n], c.width()), max(least[n], c.least())
	}
	for i, c := range t.columns {
		if all[i] > 0 {
			shown = append(shown, i)
			all[i], least[i] = max(all[i], len(c.title)), max(least[i], len(c.title))
		}
	}
	if room > 0 {
		t.squeeze(shown, all, least, room)
	}
	return shown, all
}

// squeeze takes from the widest column that can give, until all fit.
func (t *table) squeeze(shown, widths, least []int, room int) {
	total := -len(gap)
	if t.marks != nil {
		total += markWidth
	}
	for _, i := range shown {
		total += widths[i] + len(gap)
	}
	for ; total > room; total-- {
		giver := -1
		for _, i := range shown {
			if widths[i] > least[i] && (giver < 0 || widths[i] > widths[giver]) {
				giver = i
			}
		}
		if giver < 0 {
			return
		}
		widths[giver]--
	}
}

// line writes one row, without blanks at its end.
func (t *table) line(b []byte, s screen, shown, widths []int, mark byte, at func(int) cell) []byte {
	if t.marks != nil {
		b = append(b, mark, ' ')
	}
	blanks := 0 // owed, once text follows
	for n, i := range shown {
		if n > 0 {
			blanks += len(gap)
		}
		c := at(i)
		text := c.cut(widths[i])
		pad := max(0, widths[i]-utf8.RuneCountInString(text))
		if text == "" {
			blanks += pad
			continue
		}
		if t.columns[i].right {
			blanks, pad = blanks+pad, 0
		}
		b = appendBlanks(b, blanks)
		b = s.colour(b, c.tone, text)
		blanks = pad
	}
	return append(trimBlanks(b), '\n')
}

func appendBlanks(b []byte, n int) []byte {
	b = slices.Grow(b, n)
	for range n {
		b = append(b, ' ')
	}
	return b
}

func trimBlanks(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}

// colour writes text in its tone where the screen shows colours.
func (s screen) colour(b []byte, t tone, text string) []byte {
	if t == quiet || !s.colours {
		return append(b, text...)
	}
	b = append(b, tones[t]...)
	b = append(b, text...)
	return append(b, toneEnd...)
}
