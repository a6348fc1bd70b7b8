package workload

import (
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/scan/workload/hostfs"
)

// Where the kubelet keeps the logs of containers: directories
// NAMESPACE_POD_UID/CONTAINER (its BuildPodLogsDirectory), and links
// POD_NAMESPACE_CONTAINER-ID.log to them (its legacyLogSymlink). Everybody may
// list both. None of the names holds an underscore.
const (
	podLogDir       = "/var/log/pods"
	containerLogDir = "/var/log/containers"
)

// podLogs knows pods and containers by the names of their logs, for where the
// runtime's state says too little. The directories are listed once in
// [recheck] at most.
type podLogs struct {
	host   hostfs.Tree
	now    func() time.Time
	listed time.Time
	byID   map[string]Container
	byUID  map[string]Container
}

func newPodLogs(host hostfs.Tree, now func() time.Time) *podLogs {
	return &podLogs{host: host, now: now}
}

// complete fills in what c lacks.
func (l *podLogs) complete(c *Container, podUID string) {
	if podUID == "" {
		return
	}
	if now := l.now(); l.listed.IsZero() || now.Before(l.listed) || now.Sub(l.listed) >= recheck {
		l.listed = now
		l.list()
	}
	known, ok := l.byID[c.ID]
	if !ok {
		known, ok = l.byUID[podUID]
	}
	if !ok {
		return
	}
	if c.Pod == "" {
		c.Pod, c.PodNamespace = known.Pod, known.PodNamespace
	}
	if c.Name == "" {
		c.Name = known.Name
		if known.ID == "" {
			c.Name = l.only(known, podUID)
		}
	}
}

func (l *podLogs) list() {
	l.byID, l.byUID = map[string]Container{}, map[string]Container{}
	for _, name := range l.host.Names(containerLogDir) {
		if c, ok := containerLog(name); ok {
			l.byID[c.ID] = c
		}
	}
	for _, name := range l.host.Names(podLogDir) {
		if c, uid, ok := podLog(name); ok {
			l.byUID[uid] = c
		}
	}
}

// only is the name of a pod's container, if it has but one.
func (l *podLogs) only(pod Container, uid string) string {
	names := l.host.Names(podLogDir + "/" + pod.PodNamespace + "_" + pod.Pod + "_" + uid)
	if len(names) != 1 {
		return ""
	}
	return names[0]
}

// containerLog reads the name of a link.
func containerLog(name string) (Container, bool) {
	name, isLog := strings.CutSuffix(name, ".log")
	parts := strings.Split(name, "_")
	if !isLog || len(parts) != 3 || parts[0] == "" {
		return Container{}, false
	}
	last := strings.LastIndexByte(parts[2], '-')
	if last < 1 || last == len(parts[2])-1 {
		return Container{}, false
	}
	return Container{Pod: parts[0], PodNamespace: parts[1], Name: parts[2][:last], ID: parts[2][last+1:]}, true
}

// podLog reads the name of a pod's directory.
func podLog(name string) (pod Container, uid string, ok bool) {
	parts := strings.Split(name, "_")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" {
		return Container{}, "", false
	}
	return Container{PodNamespace: parts[0], Pod: parts[1]}, parts[2], true
}
