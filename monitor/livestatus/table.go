package livestatus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
)

// table is what is asked of one of Livestatus' tables. Some columns are not known
// everywhere: where Livestatus says so, they are left out from then on.
type table struct {
	name    string
	must    []string // without these it is of no use
	may     []string
	missing []string // of may
}

func (t *table) columns() []string {
	list := slices.Clone(t.must)
	for _, c := range t.may {
		if !slices.Contains(t.missing, c) {
			list = append(list, c)
		}
	}
	return list
}

// row is one row of a table. Cells that a server doesn't know are as if they were
// null.
type row struct {
	index map[string]int
	cells []any
}

func newRow(columns []string) *row {
	r := &row{index: map[string]int{}}
	for i, c := range columns {
		r.index[c] = i
	}
	return r
}

func (r *row) cell(column string) any {
	if i, ok := r.index[column]; ok && i < len(r.cells) {
		return r.cells[i]
	}
	return nil
}

// text is a string; numbers and lists are none.
func (r *row) text(column string) string {
	s, _ := r.cell(column).(string)
	return s
}

// name is a text short enough for one.
func (r *row) name(column string) string { return monitor.Clean(r.text(column), monitor.MaxName) }

// number is a number; a truth is 0 or 1. ok is false where it isn't known.
func (r *row) number(column string) (n float64, ok bool) {
	switch v := r.cell(column).(type) {
	case float64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// truth is a number that isn't 0. Icinga 2 answers with true and false where others
// say 1 and 0.
func (r *row) truth(column string) bool {
	n, _ := r.number(column)
	return n != 0
}

// time is seconds since 1970; zero for never, which is 0 or -1.
func (r *row) time(column string) time.Time {
	const year10000 = 253402300800
	n, _ := r.number(column)
	if n <= 0 || n >= year10000 {
		return time.Time{}
	}
	return time.Unix(int64(n), 0).UTC()
}

// names is a list of strings.
func (r *row) names(column string) (list []string) {
	cells, _ := r.cell(column).([]any)
	for _, c := range cells {
		if s, ok := c.(string); ok && s != "" {
			list = append(list, monitor.Clean(s, monitor.MaxName))
		}
	}
	return list
}

// read asks for a table and gives each row of it. If the server doesn't know a
// column it is asked again without.
func (s *Source) read(ctx context.Context, t *table, filter string, each func(*row) error) error {
	for {
		err := s.readOnce(ctx, t, filter, each)
		var no *refusal
		if !errors.As(err, &no) {
			return err
		}
		if !t.without(no) {
			return s.refused(no)
		}
	}
}

// quoted finds the words in quotes in a refusal.
var quoted = regexp.MustCompile(`['"]([a-z_0-9]+)['"]`)

// without leaves out the column that a refusal names, or all that need not be if
// it speaks of columns and names none; false if there is nothing to leave out.
// Icinga 2 refuses with 452; 450 was it in the first ones of MK Livestatus, and
// newer ones answer with null.
func (t *table) without(no *refusal) bool {
	if no.status != 450 && no.status != 452 && no.status != 400 {
		return false
	}
	for _, m := range quoted.FindAllStringSubmatch(no.text, 8) {
		if slices.Contains(t.may, m[1]) && !slices.Contains(t.missing, m[1]) {
			t.missing = append(t.missing, m[1])
			return true
		}
	}
	if strings.Contains(strings.ToLower(no.text), "column") && len(t.missing) < len(t.may) && !t.named(no.text) {
		t.missing = slices.Clone(t.may)
		return true
	}
	return false
}

// named says whether a text is about a column that there must be.
func (t *table) named(text string) bool {
	for _, m := range quoted.FindAllStringSubmatch(text, 8) {
		if slices.Contains(t.must, m[1]) {
			return true
		}
	}
	return false
}

// refused is a refusal for people.
func (s *Source) refused(no *refusal) error {
	e := &monitor.Error{Reason: monitor.NotIt, Text: "Livestatus at " + s.at.String() + " refuses a query", Hint: "is it a Livestatus of Nagios, Naemon, Checkmk, Shinken or Icinga 2?", Err: no}
	switch no.status {
	case 401, 403:
		e.Reason, e.Hint = monitor.NoRight, "let it answer to dotm's host"
	case 413:
		e.Reason, e.Hint = monitor.TooLarge, "raise max_response_size of Livestatus"
	case 502, 503:
		e.Reason, e.Hint = monitor.NotRunning, "it is a proxy: what is behind it does not run"
	}
	return e
}

func (s *Source) readOnce(ctx context.Context, t *table, filter string, each func(*row) error) error {
	w, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	columns := t.columns()
	body, err := w.body("GET " + t.name + "\nColumns: " + strings.Join(columns, " ") + "\n" + filter)
	if err != nil {
		return err
	}
	err = decode(body, newRow(columns), each)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return s.lost(ctx, ctx.Err()) // whatever half an answer looks like
	}
	return err
}

// decode reads a list of rows, each a list of cells, one after the other into r.
func decode(body io.Reader, r *row, each func(*row) error) error {
	j := monitor.NewJSON(body)
	err := j.Array(func() error {
		r.cells = nil
		if err := j.Decode(&r.cells); err != nil {
			return err
		}
		if len(r.cells) != len(r.index) {
			return &monitor.Error{Reason: monitor.NotIt, Text: fmt.Sprintf("Livestatus answers with rows of %d cells where %d columns were asked for", len(r.cells), len(r.index)), Hint: "look into its log"}
		}
		return each(r)
	})
	if errors.Is(err, io.EOF) {
		return &monitor.Error{Reason: monitor.NotIt, Text: "Livestatus answers with nothing", Hint: "look into its log"}
	}
	return err
}
