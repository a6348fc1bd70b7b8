package workload

// The labels that the kubelet gives to containers and pods (Kubernetes'
// pkg/kubelet/types/labels.go); cri-dockerd makes them labels of Docker's, and
// CRI-O annotations.
const (
	labelContainer = "io.kubernetes.container.name"
	labelPod       = "io.kubernetes.pod.name"
	labelNamespace = "io.kubernetes.pod.namespace"
)

// sandboxName is what the kubelet calls the container that only holds the
// pod's namespaces, where it names it at all.
const sandboxName = "POD"

// ociSpec is what is used of the configuration of a container (the Open
// Container Initiative's runtime-spec, config.md).
type ociSpec struct {
	Annotations map[string]string `json:"annotations"`
	Linux       struct {
		CgroupsPath string `json:"cgroupsPath"`
	} `json:"linux"`
}

// containerd reads the annotations of containerd's CRI plugin (its
// internal/cri/annotations; names and image since 1.5), and of nerdctl (its
// pkg/labels).
func (s ociSpec) containerd() Container {
	a := s.Annotations
	const cri = "io.kubernetes.cri."
	c := Container{
		Name: a[cri+"container-name"], Runtime: "containerd", Image: a[cri+"image-name"],
		Pod: a[cri+"sandbox-name"], PodNamespace: a[cri+"sandbox-namespace"],
	}
	if a[cri+"container-type"] == "sandbox" {
		c.Name, c.Image = sandboxName, a[cri+"podsandbox.image-name"]
	}
	if c.Name == "" {
		c.Name = a["nerdctl/name"]
	}
	return c
}

// crio reads the annotations of CRI-O. Its ImageName is one that the image has,
// and may be empty; its Image is what was asked for, and may be an id.
func (s ociSpec) crio() Container {
	a := s.Annotations
	const crio = "io.kubernetes.cri-o."
	c := Container{
		Name: a[labelContainer], Runtime: "cri-o", Image: a[crio+"ImageName"],
		Pod: a[labelPod], PodNamespace: a[labelNamespace],
	}
	if c.Image == "" {
		c.Image = a[crio+"Image"]
	}
	return c
}
