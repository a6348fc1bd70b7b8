package scan

import "github.com/devops-trouble-map/dotm/report"

// workplaces tells which unit and container processes belong to.
type workplaces struct {
	list []report.Container
}

func newWorkplaces(string) *workplaces { return &workplaces{} }

// of gives a process's unit, and its container as an index + 1 in list.
func (w *workplaces) of(int) (unit string, container int) { return "", 0 }
