package table

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
)

// edgeLike is a cell with two names, as that of a connection.
func edgeLike(lead, middle, name, end string) Cell {
	return Cell{
		Text: lead + middle + name + end, Lead: Offset(len(lead)),
		Name: Offset(len(lead + middle)), NameEnd: Offset(len(lead + middle + name)),
	}
}

func TestCut(t *testing.T) {
	long := edgeLike("checkout-service", " → ", "database.internal", ":5432")
	for _, c := range []struct {
		cell  Cell
		width int
		want  string
	}{
		{Plain("203.0.113.5:443"), 3, "203.0.113.5:443"},
		{Cell{}, 0, ""},
		{Named("nginx"), 5, "nginx"},
		{Named("nginx"), 1, "nginx"},
		{Named("checkout-service"), 16, "checkout-service"},
		{Named("checkout-service"), 15, "checkout-servi…"},
		{Named("checkout-service"), 8, "checkou…"},
		{Named("checkout-service"), 1, "checkou…"},
		{Named("bücher-und-zeitschriften"), 8, "bücher-…"},
		{long, 41, "checkout-service → database.internal:5432"},
		{long, 40, "checkout-service → database.intern…:5432"},
		{long, 39, "checkout-servi… → database.intern…:5432"},
		{long, 26, "checkout… → database…:5432"},
		{long, 24, "checkou… → databas…:5432"},
		{long, 0, "checkou… → databas…:5432"},
		{edgeLike("sh", " → ", "database.internal", ":5432"), 20, "sh → database.…:5432"},
		{edgeLike("checkout-service", ":80 ← ", "db", ""), 18, "checkout-…:80 ← db"},
	} {
		if got := c.cell.Cut(c.width); got != c.want {
			t.Errorf("%q in %d columns is %q, want %q", c.cell.Text, c.width, got, c.want)
		}
		if got := utf8.RuneCountInString(c.cell.Cut(c.width)); got > max(c.width, c.cell.Least()) {
			t.Errorf("%q in %d columns is %d wide, can be %d", c.cell.Text, c.width, got, c.cell.Least())
		}
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "",
		"nginx":               "nginx",
		"two words":           "two words",
		"bücher":              "bücher",
		"数据库":                 "数据库",
		"a\x1b[31mb":          "a\ufffd[31mb",
		"a\nb\tc\rd\x00e\x7f": "a\ufffdb\ufffdc\ufffdd\ufffde\ufffd",
		"\u202eabc\u2066":     "\ufffdabc\ufffd",
		"\u200bx\ufeff":       "\ufffdx\ufffd",
		"\x9b31m":             "\ufffd31m",
		"\u009b31m":           "\ufffd31m",
	} {
		if got := console.Printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("a\x1b[2Jb", 7)
	f.Add("\u202e\u0085 x", 0)
	f.Fuzz(func(t *testing.T, s string, width int) {
		c := Named(s)
		got := c.Cut(width % 100)
		if strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }) {
			t.Errorf("%q holds a control character", got)
		}
		if n := utf8.RuneCountInString(got); n > max(width%100, c.Least()) {
			t.Errorf("%q is %d wide, want %d or %d", got, n, width%100, c.Least())
		}
	})
}

func rowsOfTable(t *Table, s Screen) []string {
	return strings.Split(strings.TrimSuffix(string(t.Append(nil, s)), "\n"), "\n")
}

func checkRows(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTable(t *testing.T) {
	table := New(2, false, Column{Title: "NAME"}, Right("COUNT"), Column{Title: "EMPTY"}, Column{Title: "REST"})
	if got := table.Append([]byte("before\n"), Screen{}); string(got) != "before\n" {
		t.Errorf("without rows: %q", got)
	}
	table.Add('+', Named("a"), Plain("7"), Cell{}, Cell{})
	table.Add(' ', Named("something-long"), Plain("12345678"), Cell{}, Plain("x"))
	checkRows(
		t, rowsOfTable(table, Screen{}),
		"NAME               COUNT  REST",
		"a                      7",
		"something-long  12345678  x",
	)
	checkRows(
		t, rowsOfTable(table, Screen{Width: 26}),
		"NAME           COUNT  REST",
		"a                  7",
		"something…  12345678  x",
	)
	checkRows( // no name is shorter than it must be to be known
		t, rowsOfTable(table, Screen{Width: 1}),
		"NAME         COUNT  REST",
		"a                7",
		"somethi…  12345678  x",
	)
}

func TestMarks(t *testing.T) {
	table := New(2, true, Column{Title: "NAME"}, Column{Title: "REST"})
	table.Add('+', Named("a"), Plain("x"))
	table.Add(' ', Named("something-long"), Plain("y"))
	checkRows(
		t, rowsOfTable(table, Screen{Width: 18}),
		"  NAME        REST",
		"+ a           x",
		"  something…  y",
	)
}

func TestColours(t *testing.T) {
	table := New(1, false, Column{Title: "A"}, Right("B"), Column{Title: "C"})
	table.Add(' ', Plain("quiet"), Toned("7", Waiting), Toned("very", Alarm))
	checkRows(
		t, rowsOfTable(table, Screen{Colours: true}),
		"\x1b[1mA\x1b[0m      \x1b[1mB\x1b[0m  \x1b[1mC\x1b[0m",
		"quiet  \x1b[33m7\x1b[0m  \x1b[31mvery\x1b[0m",
	)
	checkRows(t, rowsOfTable(table, Screen{Clears: true}), "A      B  C", "quiet  7  very")
}
