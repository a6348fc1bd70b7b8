package workload

import (
	"fmt"
	"strings"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/scan/workload/hostfs"
)

// Where Docker keeps its state: the root directory that dockerd(8) calls
// --data-root, of the daemon that is root's and of a user's own.
const (
	dockerConfig   = "/etc/docker/daemon.json"
	dockerRoot     = "/var/lib/docker"
	dockerRootless = "/.local/share/docker"
)

// dockerFiles reads the file that Docker keeps of each container,
// containers/ID/config.v2.json (its daemon/container package, unchanged in
// format since Docker 1.10).
type dockerFiles struct{ host hostfs.Tree }

// dockerContainer is what is used of a config.v2.json. Its own image is an id,
// that of its configuration what the user named.
type dockerContainer struct {
	Name   string
	Config struct {
		Image  string
		Labels map[string]string
	}
}

func (d dockerFiles) find(c proctext.Cgroup) (Container, hostfs.Stamp, error) {
	var first error
	if home := d.host.HomeOf(c.User); home != "" {
		found, from, err := readDocker(d.host.Within(home), dockerRootless, c.ContainerID)
		if err == nil {
			return found, from, nil
		}
		first = err
	}
	root := d.root()
	found, from, err := readDocker(d.host, root, c.ContainerID)
	if err == nil {
		return found, from, nil
	}
	if !d.host.Exists(root + "/containers") {
		err = fmt.Errorf("%s/containers: %w", root, errElsewhere)
	}
	return Container{}, hostfs.Stamp{}, worse(first, err)
}

// root is where the daemon was told to keep its state (daemon.json).
func (d dockerFiles) root() string {
	var config struct {
		DataRoot string `json:"data-root"`
	}
	if _, err := d.host.ReadJSON(dockerConfig, &config); err != nil || !strings.HasPrefix(config.DataRoot, "/") {
		return dockerRoot
	}
	return config.DataRoot
}

func readDocker(t hostfs.Tree, root, id string) (Container, hostfs.Stamp, error) {
	var d dockerContainer
	from, err := t.ReadJSON(root+"/containers/"+id+"/config.v2.json", &d)
	if err != nil {
		return Container{}, hostfs.Stamp{}, err
	}
	return d.container(), from, nil
}

func (d dockerContainer) container() Container {
	return dockerNamed(strings.TrimPrefix(d.Name, "/"), d.Config.Image, d.Config.Labels)
}

// dockerNamed takes Docker's own name, unless the kubelet started the container
// through cri-dockerd, which labels it with better ones.
func dockerNamed(name, image string, labels map[string]string) Container {
	c := Container{
		Name: name, Runtime: "docker", Image: image,
		Pod: labels[labelPod], PodNamespace: labels[labelNamespace],
	}
	if inPod := labels[labelContainer]; inPod != "" {
		c.Name = inPod
	}
	return c
}
