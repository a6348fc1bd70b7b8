package scan

import (
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/workload"
)

// workplaces tells which unit and container processes belong to, and numbers
// the containers.
type workplaces struct {
	finder *workload.Finder
	list   []report.Container
	number map[report.Container]int // index + 1 in list
}

func newWorkplaces(proc string, now func() time.Time) *workplaces {
	return &workplaces{
		finder: workload.New(workload.Options{Proc: proc, Now: now}),
		number: map[report.Container]int{},
	}
}

// of gives a process's unit, and the number of its container; 0: none. What
// can't be told is left out.
func (w *workplaces) of(pid int) (unit string, container int) {
	found, err := w.finder.Of(pid)
	if err != nil {
		return "", 0
	}
	if found.Container == nil {
		return found.Unit, 0
	}
	return found.Unit, w.numberOf(report.Container{
		Name: found.Container.Name, ID: found.Container.ID, Runtime: found.Container.Runtime,
		Image: found.Container.Image, Pod: found.Container.Pod, PodNamespace: found.Container.PodNamespace,
	})
}

func (w *workplaces) numberOf(c report.Container) int {
	if n := w.number[c]; n != 0 || len(w.list) >= report.MaxContainers {
		return n
	}
	w.list = append(w.list, c)
	w.number[c] = len(w.list)
	return len(w.list)
}

// slack is how many containers without a process may be remembered.
const slack = 1024

// tidy forgets the containers that no process is in any more, once they are the
// greater part, and numbers the others anew. each visits the numbers that
// processes have.
func (w *workplaces) tidy(each func(visit func(container *int))) {
	used := map[int]bool{}
	each(func(container *int) { used[*container] = true })
	if len(w.list) <= 2*len(used)+slack {
		return
	}
	before := w.list
	w.list = nil
	clear(w.number)
	each(func(container *int) {
		if n := *container; n != 0 {
			*container = w.numberOf(before[n-1])
		}
	})
}
