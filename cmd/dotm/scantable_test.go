package main

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// edgeLike is a cell with two names, as that of a connection.
func edgeLike(lead, middle, name, end string) cell {
	return cell{
		text: lead + middle + name + end, lead: offset(len(lead)),
		name: offset(len(lead + middle)), nameEnd: offset(len(lead + middle + name)),
	}
}

func TestCut(t *testing.T) {
	long := edgeLike("checkout-service", " → ", "database.internal", ":5432")
	for _, c := range []struct {
		cell  cell
		width int
		want  string
	}{
		{plain("203.0.113.5:443"), 3, "203.0.113.5:443"},
		{cell{}, 0, ""},
		{named("nginx"), 5, "nginx"},
		{named("nginx"), 1, "nginx"},
		{named("checkout-service"), 16, "checkout-service"},
		{named("checkout-service"), 15, "checkout-servi…"},
		{named("checkout-service"), 8, "checkou…"},
		{named("checkout-service"), 1, "checkou…"},
		{named("bücher-und-zeitschriften"), 8, "bücher-…"},
		{long, 41, "checkout-service → database.internal:5432"},
		{long, 40, "checkout-service → database.intern…:5432"},
		{long, 39, "checkout-servi… → database.intern…:5432"},
		{long, 26, "checkout… → database…:5432"},
		{long, 24, "checkou… → databas…:5432"},
		{long, 0, "checkou… → databas…:5432"},
		{edgeLike("sh", " → ", "database.internal", ":5432"), 20, "sh → database.…:5432"},
		{edgeLike("checkout-service", ":80 ← ", "db", ""), 18, "checkout-…:80 ← db"},
	} {
		if got := c.cell.cut(c.width); got != c.want {
			t.Errorf("%q in %d columns is %q, want %q", c.cell.text, c.width, got, c.want)
		}
		if got := utf8.RuneCountInString(c.cell.cut(c.width)); got > max(c.width, c.cell.least()) {
			t.Errorf("%q in %d columns is %d wide, can be %d", c.cell.text, c.width, got, c.cell.least())
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
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("a\x1b[2Jb", 7)
	f.Add("\u202e\u0085 x", 0)
	f.Fuzz(func(t *testing.T, s string, width int) {
		c := named(s)
		got := c.cut(width % 100)
		if strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }) {
			t.Errorf("%q holds a control character", got)
		}
		if n := utf8.RuneCountInString(got); n > max(width%100, c.least()) {
			t.Errorf("%q is %d wide, want %d or %d", got, n, width%100, c.least())
		}
	})
}

func rowsOfTable(t *table, s screen) []string {
	return strings.Split(strings.TrimSuffix(string(t.append(nil, s)), "\n"), "\n")
}

func checkRows(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTable(t *testing.T) {
	table := newTable(2, false, column{title: "NAME"}, column{"COUNT", true}, column{title: "EMPTY"}, column{title: "REST"})
	if got := table.append([]byte("before\n"), screen{}); string(got) != "before\n" {
		t.Errorf("without rows: %q", got)
	}
	table.add('+', named("a"), plain("7"), cell{}, cell{})
	table.add(' ', named("something-long"), plain("12345678"), cell{}, plain("x"))
	checkRows(
		t, rowsOfTable(table, screen{}),
		"NAME               COUNT  REST",
		"a                      7",
		"something-long  12345678  x",
	)
	checkRows(
		t, rowsOfTable(table, screen{width: 26}),
		"NAME           COUNT  REST",
		"a                  7",
		"something…  12345678  x",
	)
	checkRows( // no name is shorter than it must be to be known
		t, rowsOfTable(table, screen{width: 1}),
		"NAME         COUNT  REST",
		"a                7",
		"somethi…  12345678  x",
	)
}

func TestMarks(t *testing.T) {
	table := newTable(2, true, column{title: "NAME"}, column{title: "REST"})
	table.add('+', named("a"), plain("x"))
	table.add(' ', named("something-long"), plain("y"))
	checkRows(
		t, rowsOfTable(table, screen{width: 18}),
		"  NAME        REST",
		"+ a           x",
		"  something…  y",
	)
}

func TestColours(t *testing.T) {
	table := newTable(1, false, column{title: "A"}, column{"B", true}, column{title: "C"})
	table.add(' ', plain("quiet"), toned("7", waiting), toned("very", alarm))
	checkRows(
		t, rowsOfTable(table, screen{colours: true}),
		"\x1b[1mA\x1b[0m      \x1b[1mB\x1b[0m  \x1b[1mC\x1b[0m",
		"quiet  \x1b[33m7\x1b[0m  \x1b[31mvery\x1b[0m",
	)
	checkRows(t, rowsOfTable(table, screen{clears: true}), "A      B  C", "quiet  7  very")
}
