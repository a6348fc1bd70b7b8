package workload

import (
	"time"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/workload/hostfs"
)

// entry is what is known of one container.
type entry struct {
	cgroup proctext.Cgroup
	// container is the answer; nil while the cgroup is not known to be a
	// container's.
	container *Container
	// told says that a runtime's state gave the answer, and from which file:
	// its stamp is empty if it was no file.
	told    bool
	from    hostfs.Stamp
	checked time.Time
	// tried is true once it has been searched for.
	tried bool
}

// entry gives the one for a container, which all its cgroups share.
func (f *Finder) entry(c proctext.Cgroup) *entry {
	key := c.Runtime + "/" + c.User + "/" + c.ContainerID
	if c.ContainerID == "" {
		key = c.Path
	}
	e, ok := f.entries.get([]byte(key))
	if !ok {
		e = &entry{cgroup: c}
		f.entries.put(key, e)
	}
	return e
}

// refresh looks a container up, if it hasn't been within [recheck]. Once
// known, it is only read again if its file changed, and what can't be read any
// more stays as it was.
func (f *Finder) refresh(e *entry) {
	now := f.now()
	if age := now.Sub(e.checked); e.tried && age >= 0 && age < recheck {
		return
	}
	e.tried, e.checked = true, now
	if e.told && e.from.Path != "" && e.from.Current() {
		return
	}
	if e.cgroup.Runtime == "" {
		e.cgroup.Runtime = f.state.containerd.runtimeOf(e.cgroup.ContainerID)
	}
	found, from, err := f.state.search(e.cgroup)
	if err != nil && e.told {
		return
	}
	f.lacks.note(e, found.Runtime, err)
	if err == nil {
		e.told, e.from = true, from
	}
	if found.ID != "" { // else it is a cgroup like any other
		e.set(f.state.complete(found, e.cgroup))
	}
}

// set takes a new answer. The old one may be in use, and is left alone.
func (e *entry) set(c Container) {
	if c.Name == "" {
		c.Name = c.ID[:min(len(c.ID), shortID)]
	}
	for _, s := range []*string{&c.ID, &c.Name, &c.Runtime, &c.Image, &c.Pod, &c.PodNamespace} {
		*s = report.CleanName(*s)
	}
	if e.container == nil || *e.container != c {
		e.container = &c
	}
}

// shortID is how much of an id the runtimes themselves show.
const shortID = 12
