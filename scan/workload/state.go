package workload

import (
	"errors"
	"io/fs"
	"time"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/scan/workload/hostfs"
)

// state is what the runtimes keep of their containers.
type state struct {
	host       hostfs.Tree
	docker     dockerFiles
	dockerAPI  *dockerAPI
	storage    *storage
	containerd containerd
	logs       *podLogs
}

func newState(root string, now func() time.Time) state {
	host := hostfs.Tree{Root: root}
	return state{
		host:       host,
		docker:     dockerFiles{host},
		dockerAPI:  newDockerAPI(root, now),
		storage:    newStorage(host),
		containerd: containerd{host},
		logs:       newPodLogs(host, now),
	}
}

// source is one way to find a container. It gives what it knows and the file
// that says so, or an error: see lackOf.
type source struct {
	runtime string
	find    func(proctext.Cgroup) (Container, hostfs.Stamp, error)
}

// sources are the ways for a container, best first. Without a runtime any may
// have made it: those are asked first that tell theirs from others'.
func (s *state) sources(runtime string) []source {
	var (
		docker     = source{"docker", s.docker.find}
		dockerAPI  = source{"docker", s.dockerAPI.find}
		containerd = source{"containerd", s.containerd.find}
		crio       = source{"cri-o", s.storage.findCRIO}
		podman     = source{"podman", s.storage.findPodman}
	)
	switch runtime {
	case "docker":
		return []source{docker, dockerAPI}
	case "containerd":
		return []source{containerd}
	case "cri-o":
		return []source{crio, podman} // they share the lists
	case "podman":
		return []source{podman}
	case "":
		return []source{docker, containerd, crio, podman, dockerAPI}
	}
	return nil
}

// mayBeNamed tells whether a cgroup that says nothing may be that of a
// container of containerd with a name for an id: "/NAMESPACE/ID".
func mayBeNamed(c proctext.Cgroup) bool {
	_, _, ok := namedParts(c)
	return ok
}

// search asks the sources in turn. The error is a [lack], the most telling of
// theirs. The id and the runtime are given all the same if it is a container's
// cgroup.
func (s *state) search(c proctext.Cgroup) (Container, hostfs.Stamp, error) {
	if c.ContainerID == "" {
		found, from, err := s.containerd.findNamed(c)
		if err != nil {
			return found, hostfs.Stamp{}, lackOf("containerd", err)
		}
		return found, from, nil
	}
	most := lack{}
	for _, src := range s.sources(c.Runtime) {
		found, from, err := src.find(c)
		if err == nil {
			found.ID = c.ContainerID
			return found, from, nil
		}
		if l := lackOf(src.runtime, err); l.kind > most.kind {
			most = l
		}
	}
	if most.kind == elsewhere && c.Runtime == "" {
		most = lack{} // one that isn't there lacks nothing
	}
	return Container{ID: c.ContainerID, Runtime: c.Runtime}, hostfs.Stamp{}, most
}

// complete adds what can be told without the runtime's state, where that says
// too little: pod and container by the logs of the kubelet.
func (s *state) complete(found Container, c proctext.Cgroup) Container {
	if found.Pod == "" || found.Name == "" {
		s.logs.complete(&found, c.PodUID)
	}
	return found
}

// lackKind says why nothing is known of a container, the more telling the
// higher.
type lackKind int

const (
	unknown   lackKind = iota // nobody has heard of it
	elsewhere                 // its runtime keeps no state where it is looked for
	damaged                   // the state can't be understood
	denied                    // it may not be read
)

// lack is why a container is called by its id.
type lack struct {
	kind    lackKind
	runtime string
	err     error
}

func (l lack) Error() string {
	if l.err == nil {
		return "unknown container"
	}
	return l.err.Error()
}

func (l lack) Unwrap() error { return l.err }

// Errors of sources, beside those of files.
var (
	errUnknown   = errors.New("unknown container")
	errElsewhere = errors.New("does not exist")
)

// lackOf judges the error of a source.
func lackOf(runtime string, err error) lack {
	l := lack{damaged, runtime, err}
	switch {
	case errors.Is(err, fs.ErrPermission):
		l.kind = denied
	case errors.Is(err, errElsewhere):
		l.kind = elsewhere
	case errors.Is(err, errUnknown), errors.Is(err, fs.ErrNotExist):
		l.kind = unknown
	}
	return l
}

// worse keeps the more telling of two errors of one source.
func worse(a, b error) error {
	if a == nil || b != nil && lackOf("", b).kind > lackOf("", a).kind {
		return b
	}
	return a
}
