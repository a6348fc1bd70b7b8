// Package table prints text in columns that fit the screen.
package table

import (
	"math"
	"slices"
	"unicode/utf8"

	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
)

// Tone is how a piece of text is told from others where there are colours.
type Tone uint8

// The tones; a larger one is louder.
const (
	Quiet   Tone = iota
	Heading      // bold
	Waiting      // yellow
	Alarm        // red
)

var tones = [...]string{Heading: "\x1b[1m", Waiting: "\x1b[33m", Alarm: "\x1b[31m"}

const toneEnd = "\x1b[0m"

// Cell is one piece of text of a table. Two names in it may be cut where the
// Table is too wide: the first lead bytes, and those from name to nameEnd.
type Cell struct {
	Text                string
	Lead, Name, NameEnd uint16
	Tone                Tone
}

// Plain is text that must not be cut.
func Plain(s string) Cell { return Cell{Text: s} }

// Toned is text of a tone that must not be cut.
func Toned(text string, t Tone) Cell { return Cell{Text: text, Tone: t} }

// Named is a name that may be cut.
func Named(s string) Cell {
	s = console.Printable(s)
	return Cell{Text: s, Lead: Offset(len(s))}
}

// Offset is a place in a cell's text, for texts of a sane length: in others,
// what lies beyond is not cut.
func Offset(n int) uint16 { return uint16(min(n, math.MaxUint16)) }

// minName is what of a name stays at least when it is cut, with the ellipsis,
// in runes.
const minName = 8

// Ellipsis stands for what was cut.
const Ellipsis = "…"

// Width is the number of runes. Those that terminals show two columns wide are
// taken for one: that may shift a column, and loses nothing.
func (c *Cell) Width() int { return utf8.RuneCountInString(c.Text) }

// Least is the width below which nothing can be cut.
func (c *Cell) Least() int {
	lead, name := c.spans()
	return c.Width() - max(0, lead-minName) - max(0, name-minName)
}

// spans are the widths of both names.
func (c *Cell) spans() (lead, name int) {
	return utf8.RuneCountInString(c.Text[:c.Lead]), utf8.RuneCountInString(c.Text[c.Name:c.NameEnd])
}

// Cut gives the text in at most the given width, or as near to it as least
// allows. The longer name is cut first.
func (c *Cell) Cut(width int) string {
	over := c.Width() - width
	if over <= 0 {
		return c.Text
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
	if c.NameEnd == 0 {
		return shorten(c.Text[:c.Lead], lead, toLead) + c.Text[c.Lead:]
	}
	return shorten(c.Text[:c.Lead], lead, toLead) + c.Text[c.Lead:c.Name] +
		shorten(c.Text[c.Name:c.NameEnd], name, toName) + c.Text[c.NameEnd:]
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
	return s[:end] + Ellipsis
}

// Column is one column of a table.
type Column struct {
	Title string
	right bool // for numbers
}

// Right is a column of numbers.
func Right(title string) Column { return Column{Title: title, right: true} }

// Table is text in columns. A column in which every cell is empty is left out.
type Table struct {
	columns []Column
	cells   []Cell // row by row
	marks   []byte // of the rows; nil if rows have none
}

// Add adds a row, of as many cells as there are columns. mark stands before it
// if the table has marks.
func (t *Table) Add(mark byte, cells ...Cell) {
	t.cells = append(t.cells, cells...)
	if t.marks != nil {
		t.marks = append(t.marks, mark)
	}
}

func (t *Table) rows() int { return len(t.cells) / len(t.columns) }

// New gives a table for so many rows. With marks, each begins with its own.
func New(rows int, marked bool, columns ...Column) *Table {
	t := &Table{columns: columns, cells: make([]Cell, 0, rows*len(columns))}
	if marked {
		t.marks = make([]byte, 0, rows)
	}
	return t
}

// gap stands between two columns.
const gap = "  "

// markWidth is what a mark takes.
const markWidth = 2

// Append writes the table at the end of b, in at most the screen's width if
// that can be; a width of 0 cuts nothing. A table without rows is nothing.
func (t *Table) Append(b []byte, s Screen) []byte {
	if t.rows() == 0 {
		return b
	}
	shown, widths := t.layout(s.Width)
	b = t.line(b, s, shown, widths, ' ', func(i int) Cell { return Cell{Text: t.columns[i].Title, Tone: Heading} })
	for row := range t.rows() {
		mark := byte(' ')
		if t.marks != nil {
			mark = t.marks[row]
		}
		from := row * len(t.columns)
		b = t.line(b, s, shown, widths, mark, func(i int) Cell { return t.cells[from+i] })
	}
	return b
}

// layout says which columns are shown, and how wide each is.
func (t *Table) layout(room int) (shown, widths []int) {
	all, least := make([]int, len(t.columns)), make([]int, len(t.columns))
	for i := range t.cells {
		c, n := &t.cells[i], i%len(t.columns)
		all[n], least[n] = max(all[n], c.Width()), max(least[n], c.Least())
	}
	for i, c := range t.columns {
		if all[i] > 0 {
			shown = append(shown, i)
			all[i], least[i] = max(all[i], len(c.Title)), max(least[i], len(c.Title))
		}
	}
	if room > 0 {
		t.squeeze(shown, all, least, room)
	}
	return shown, all
}

// squeeze takes from the widest column that can give, until all fit.
func (t *Table) squeeze(shown, widths, least []int, room int) {
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
func (t *Table) line(b []byte, s Screen, shown, widths []int, mark byte, at func(int) Cell) []byte {
	if t.marks != nil {
		b = append(b, mark, ' ')
	}
	blanks := 0 // owed, once text follows
	for n, i := range shown {
		if n > 0 {
			blanks += len(gap)
		}
		c := at(i)
		text := c.Cut(widths[i])
		pad := max(0, widths[i]-utf8.RuneCountInString(text))
		if text == "" {
			blanks += pad
			continue
		}
		if t.columns[i].right {
			blanks, pad = blanks+pad, 0
		}
		b = AppendBlanks(b, blanks)
		b = s.Colour(b, c.Tone, text)
		blanks = pad
	}
	return append(trimBlanks(b), '\n')
}

// AppendBlanks writes n blanks at the end of b.
func AppendBlanks(b []byte, n int) []byte {
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

// Colour writes text in its tone where the screen shows colours.
func (s Screen) Colour(b []byte, t Tone, text string) []byte {
	if t == Quiet || !s.Colours {
		return append(b, text...)
	}
	b = append(b, tones[t]...)
	b = append(b, text...)
	return append(b, toneEnd...)
}
