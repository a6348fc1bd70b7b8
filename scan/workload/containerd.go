package workload

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/scan/workload/hostfs"
)

// containerdStates are the state directories of containerd: its own default,
// that of K3s and RKE2, that of MicroK8s, and of the one that dockerd starts
// for itself.
var containerdStates = []string{
	"/run/containerd",
	"/run/k3s/containerd",
	"/var/snap/microk8s/common/run/containerd",
	"/run/docker/containerd/daemon",
}

// tasks is where the second version of containerd's runtime plugin keeps the
// bundles of running containers, as NAMESPACE/ID (containerd's
// docs/ops.md and runtime/v2).
const tasks = "/io.containerd.runtime.v2.task"

// Namespaces of containerd that have a meaning.
const (
	namespaceKubernetes = "k8s.io"
	namespaceDocker     = "moby"
	namespaceDefault    = "default"
)

// containerd reads the OCI configuration in the bundles of containers, with the
// annotations that containerd's CRI plugin or nerdctl put there.
type containerd struct{ host hostfs.Tree }

func (d containerd) find(c proctext.Cgroup) (Container, hostfs.Stamp, error) {
	var most error
	there := false
	for _, state := range containerdStates {
		if !d.host.Exists(state + tasks) {
			continue
		}
		there = true
		for _, namespace := range d.namespaces(state) {
			spec, from, err := d.read(state, namespace, c.ContainerID)
			if err == nil {
				return spec.containerd(), from, nil
			}
			most = worse(most, err)
		}
	}
	if !there {
		most = fmt.Errorf("%s%s: %w", containerdStates[0], tasks, errElsewhere)
	}
	return Container{}, hostfs.Stamp{}, worse(most, errUnknown)
}

// namespaces are those that are there. The directory can be entered by all,
// but listed by root only. Docker's has no names in it.
func (d containerd) namespaces(state string) []string {
	list := []string{namespaceKubernetes, namespaceDefault}
	for _, n := range d.host.Names(state + tasks) {
		if n != namespaceDocker && !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	return list
}

func (d containerd) read(state, namespace, id string) (ociSpec, hostfs.Stamp, error) {
	var spec ociSpec
	from, err := d.host.ReadJSON(state+tasks+"/"+namespace+"/"+id+"/config.json", &spec)
	return spec, from, err
}

// findNamed finds the container whose cgroup is "/NAMESPACE/ID", as ctr and
// other clients of containerd make it, with any name for an id. It is one if
// there is a bundle, and that names this very cgroup, as far as it can be read.
func (d containerd) findNamed(c proctext.Cgroup) (Container, hostfs.Stamp, error) {
	namespace, id, ok := namedParts(c)
	if !ok {
		return Container{}, hostfs.Stamp{}, errUnknown
	}
	for _, state := range containerdStates {
		if _, err := d.host.Stat(state + tasks + "/" + namespace + "/" + id); err != nil {
			continue
		}
		spec, from, err := d.read(state, namespace, id)
		if errors.Is(err, fs.ErrPermission) {
			return Container{ID: id, Name: id, Runtime: "containerd"}, hostfs.Stamp{}, nil // its id is its name
		}
		if err != nil {
			return Container{ID: id, Name: id, Runtime: "containerd"}, hostfs.Stamp{}, err
		}
		if spec.Linux.CgroupsPath != "/"+namespace+"/"+id {
			continue
		}
		found := spec.containerd()
		found.ID = id
		if found.Name == "" {
			found.Name = id
		}
		return found, from, nil
	}
	return Container{}, hostfs.Stamp{}, errUnknown
}

// namedParts gives the first two parts of the path of a cgroup that is neither
// a unit's nor a container's with an id.
func namedParts(c proctext.Cgroup) (namespace, id string, ok bool) {
	if c.InContainer() || c.Unit != "" {
		return "", "", false
	}
	parts := strings.Split(strings.TrimPrefix(c.Path, "/"), "/")
	for len(parts) > 0 && parts[0] == ".." { // above the reader's own namespace
		parts = parts[1:]
	}
	if len(parts) < 2 || !isPlain(parts[0]) || !isPlain(parts[1]) || strings.HasSuffix(parts[0], ".slice") {
		return "", "", false
	}
	return parts[0], parts[1], true
}

// isPlain tells whether s is an identifier of containerd (its package
// identifiers): letters and digits, with single separators between them.
func isPlain(s string) bool {
	const longest = 76
	if s == "" || len(s) > longest {
		return false
	}
	separated := true
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			separated = false
		case (r == '-' || r == '_' || r == '.') && !separated:
			separated = true
		default:
			return false
		}
	}
	return !separated
}

// runtimeOf tells the runtime of a container by the bundle's directory alone,
// which everybody may see. Docker has containerd run its containers.
func (d containerd) runtimeOf(id string) string {
	if id == "" {
		return ""
	}
	for _, state := range containerdStates {
		for namespace, runtime := range map[string]string{
			namespaceDocker: "docker", namespaceKubernetes: "containerd", namespaceDefault: "containerd",
		} {
			if _, err := d.host.Stat(state + tasks + "/" + namespace + "/" + id); err == nil {
				return runtime
			}
		}
	}
	return ""
}
