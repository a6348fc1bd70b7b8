package incident

import (
	"cmp"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Row is a component with when its checks went bad.
type Row struct {
	Ref
	Marks []Mark `json:"marks" doc:"the earliest first"`
}

// Mark is when one check went bad.
type Mark struct {
	Check  string          `json:"check" doc:"id"`
	Name   string          `json:"name"`
	Status topology.Status `json:"status"`
	After  time.Time       `json:"after,omitzero" doc:"when it was last fine"`
	By     time.Time       `json:"by" doc:"when it was first bad"`
	Over   time.Time       `json:"over,omitzero"`
	Clock  string          `json:"clock" doc:"whose times these are: those of two clocks have no order"`
}

// Order are the components of an incident in the order in which they went bad, each
// with its checks.
func (in *Incident) Order() []Row {
	rows := []Row{}
	at := map[string]int{}
	for i := range in.Alerts {
		m := &in.Alerts[i]
		n, known := at[m.About.Component]
		if !known {
			n = len(rows)
			at[m.About.Component] = n
			rows = append(rows, Row{Ref: m.About})
		}
		mark := Mark{Check: m.ID, Name: m.Name, Status: m.Status, After: m.After, By: m.By, Over: m.Over, Clock: m.Clock}
		if mark.By.IsZero() {
			mark.By, mark.Clock = m.Seen, "server"
		}
		rows[n].Marks = append(rows[n].Marks, mark)
	}
	for i := range rows {
		slices.SortStableFunc(rows[i].Marks, func(a, b Mark) int { return cmp.Or(a.By.Compare(b.By), cmp.Compare(a.Check, b.Check)) })
	}
	slices.SortStableFunc(rows, func(a, b Row) int { return a.Marks[0].By.Compare(b.Marks[0].By) })
	return rows
}
