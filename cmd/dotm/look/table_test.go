package look

import (
	"slices"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/cmd/dotm/table"
)

func rowsOfTable(t *table.Table, s table.Screen) []string {
	return strings.Split(strings.TrimSuffix(string(t.Append(nil, s)), "\n"), "\n")
}

func checkRows(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func edgeLike(lead, middle, name, end string) table.Cell {
	return table.Cell{
		Text: lead + middle + name + end, Lead: table.Offset(len(lead)),
		Name: table.Offset(len(lead + middle)), NameEnd: table.Offset(len(lead + middle + name)),
	}
}
