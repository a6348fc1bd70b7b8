package workload

import (
	"fmt"
	"strings"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/scan/workload/hostfs"
)

// Where Podman and CRI-O keep their containers (containers-storage.conf(5)):
// the lists in graphroot, what is gone after a boot in runroot; for users in
// their homes.
const (
	storageConfig   = "/etc/containers/storage.conf"
	graphRoot       = "/var/lib/containers/storage"
	runRoot         = "/run/containers/storage"
	rootlessGraph   = "/.local/share/containers/storage"
	rootlessRunUser = "/run/user/" // and the id: XDG_RUNTIME_DIR
	rootlessRun     = "/containers"
)

// storageDrivers are those of container-storage that are left, as they stand
// in the names of its directories: overlay-containers, …
var storageDrivers = []string{"overlay", "vfs", "btrfs", "zfs"}

// storage reads what the library containers/storage keeps, for Podman and
// CRI-O. Podman's containers are in lists: containers.json, and
// volatile-containers.json for those that are removed when they stop (the
// type Container of its containers.go). A list is read once, and again when it
// changed.
type storage struct {
	host  hostfs.Tree
	lists map[string]*containerList
}

// maxLists bounds the lists that are remembered: a few for each user.
const maxLists = 256

// containerList is one list as last read.
type containerList struct {
	from hostfs.Stamp
	byID map[string]Container
}

func newStorage(host hostfs.Tree) *storage {
	return &storage{host: host, lists: map[string]*containerList{}}
}

// storedContainer is what is used of an entry of a list. The metadata is JSON
// of the program that made it: Podman's and CRI-O's have the same fields as far
// as they are used here, and CRI-O's have a pod.
type storedContainer struct {
	ID       string   `json:"id"`
	Names    []string `json:"names"`
	Metadata string   `json:"metadata"`
}

// storedMetadata is what is used of that metadata (Podman's
// libpod/storage.go, RuntimeContainerMetadata).
type storedMetadata struct {
	ImageName    string `json:"image-name"`
	Name         string `json:"name"`
	PodID        string `json:"pod-id"`
	MetadataName string `json:"metadata-name"`
}

func (s storedContainer) container() Container {
	var m storedMetadata
	_ = hostfs.Decode([]byte(s.Metadata), &m) // the name is outside of it, too
	c := Container{Name: m.Name, Runtime: "podman", Image: m.ImageName}
	if len(s.Names) > 0 {
		c.Name = s.Names[0] // what it was renamed to is here only
	}
	if m.PodID != "" {
		c.Runtime, c.Name = "cri-o", m.MetadataName
	}
	return c
}

// findPodman looks through the lists of the user, then of root.
func (s *storage) findPodman(c proctext.Cgroup) (Container, hostfs.Stamp, error) {
	var most error
	there := false
	for _, l := range s.places(c.User) {
		list, err := s.read(l.tree, l.path)
		if err != nil {
			most = worse(most, err)
			continue
		}
		there = true
		if found, ok := list.byID[c.ContainerID]; ok {
			return found, list.from, nil
		}
	}
	if graph, _ := s.roots(); !there && !s.host.Exists(graph) {
		most = worse(most, fmt.Errorf("%s: %w", graph, errElsewhere))
	}
	return Container{}, hostfs.Stamp{}, worse(most, errUnknown)
}

// listPlace is where a list may be.
type listPlace struct {
	tree hostfs.Tree
	path string
}

func (s *storage) places(user string) []listPlace {
	graph, run := s.roots()
	var dirs []listPlace
	if home := s.host.HomeOf(user); home != "" {
		dirs = append(dirs,
			listPlace{s.host.Within(home), rootlessGraph},
			listPlace{s.host.Within(rootlessRunUser + user), rootlessRun})
	}
	dirs = append(dirs, listPlace{s.host, graph}, listPlace{s.host, run})
	files := make([]listPlace, 0, 2*len(storageDrivers)*len(dirs))
	for _, d := range dirs {
		for _, driver := range storageDrivers {
			base := d.path + "/" + driver + "-containers/"
			files = append(files, listPlace{d.tree, base + "containers.json"}, listPlace{d.tree, base + "volatile-containers.json"})
		}
	}
	return files
}

// read gives a list, from memory if its file is still the same.
func (s *storage) read(t hostfs.Tree, path string) (*containerList, error) {
	key := t.Home + "\x00" + path
	if list := s.lists[key]; list != nil && list.from.Current() {
		return list, nil
	}
	delete(s.lists, key)
	text, from, err := t.Read(path)
	if err != nil {
		return nil, err
	}
	byID, err := decodeContainers(text)
	if err != nil {
		return nil, t.Failed(path, err)
	}
	list := &containerList{from, byID}
	if len(s.lists) < maxLists {
		s.lists[key] = list
	}
	return list, nil
}

func decodeContainers(text []byte) (map[string]Container, error) {
	var stored []storedContainer
	if err := hostfs.Decode(text, &stored); err != nil {
		return nil, err
	}
	byID := make(map[string]Container, len(stored))
	for _, c := range stored {
		byID[c.ID] = c.container()
	}
	return byID, nil
}

// roots are graphroot and runroot as configured. The file is TOML; of that the
// two lines are read that set them.
func (s *storage) roots() (graph, run string) {
	graph, run = graphRoot, runRoot
	text, _, err := s.host.Read(storageConfig)
	if err != nil {
		return graph, run
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.Trim(strings.TrimSpace(value), `"'`)
		if !strings.HasPrefix(value, "/") {
			continue
		}
		switch strings.TrimSpace(key) {
		case "graphroot":
			graph = value
		case "runroot":
			run = value
		}
	}
	return graph, run
}

// findCRIO reads the OCI configuration that CRI-O puts into the run directory
// of a container, with annotations of its own and the kubelet's labels (CRI-O's
// internal/factory/container and pkg/annotations).
func (s *storage) findCRIO(c proctext.Cgroup) (Container, hostfs.Stamp, error) {
	_, run := s.roots()
	var most error
	for _, driver := range storageDrivers {
		var spec ociSpec
		from, err := s.host.ReadJSON(run+"/"+driver+"-containers/"+c.ContainerID+"/userdata/config.json", &spec)
		if err == nil {
			return spec.crio(), from, nil
		}
		most = worse(most, err)
	}
	if !s.host.Exists(run) {
		most = worse(most, fmt.Errorf("%s: %w", run, errElsewhere))
	}
	return Container{}, hostfs.Stamp{}, most
}
