package scan

import (
	"fmt"
	"slices"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/kernel"
)

// notes says what could not be seen.
type notes []report.Note

// add takes a note; text that the kernel had a part in is made fit for a
// report.
func (n *notes) add(code, text, hint string) {
	*n = append(*n, report.Note{Code: code, Text: report.CleanName(text), Hint: hint})
}

// describe adds the notes on what the look in r could not see.
func (s *Scanner) describe(n *notes, r *report.Report) {
	s.sockets.describe(n)
	c := r.Coverage
	if c.HiddenAsUser > 0 {
		lack, hint := s.rights.Lack()
		n.add("unprivileged", fmt.Sprintf("%s hidden: %s.", names(c.HiddenAsUser), lack), hint)
	}
	if hidden := c.HiddenProcesses - c.HiddenAsUser; hidden > 0 && !s.owners.Cut() {
		n.add("hidden-owners", names(hidden)+" hidden even from root.", "")
	}
	if err := s.owners.NoDescriptors; err != nil && s.rights.All {
		n.add("no-ebpf", fmt.Sprintf("Processes of sockets are searched through %s, which is slower than a list of the kernel's: %s.", s.proc, reason(err)),
			"The list: CAP_BPF and CAP_PERFMON")
	}
	if err := s.counter.refusal; err != nil {
		n.add("short-connections", "Connections that open and close between two looks are not counted: "+reason(err)+".",
			"Every one: run dotm as root, or with CAP_BPF and CAP_PERFMON")
	}
	if s.rights.HidePID != "" && !s.rights.All {
		n.add("hidepid", fmt.Sprintf("Processes of other users are hidden: %s is mounted with hidepid=%s.", s.proc, s.rights.HidePID),
			"All names: run dotm as root, or in the group that the mount option gid names")
	}
	if !s.rights.PIDNS {
		n.add("own-processes", "Only the processes of this container are seen, none outside it.",
			"Start the container in the host's process namespace, in Docker with --pid host")
	}
	for _, w := range slices.Concat(s.workplaces.finder.Notes(), s.networks.Notes()) {
		n.add(w.Code, w.Text, w.Hint)
	}
	s.translations.describe(n)
	if s.owners.Cut() {
		n.add("still-searching", fmt.Sprintf("Processes of some sockets are still searched: a look reads %d descriptors through %s.", s.owners.Budget, s.proc), "")
	}
	if c.Truncated > 0 {
		n.add("truncated", fmt.Sprintf("%d rows left out: a report holds %d.", c.Truncated, report.MaxRows), "")
	}
}

// reason words why the kernel doesn't let us.
func reason(err error) string {
	switch {
	case kernel.Refused(err):
		return "the kernel does not permit it"
	case kernel.Unable(err):
		return "the kernel has no BTF, or is too old"
	}
	return err.Error()
}

func names(n int) string {
	if n == 1 {
		return "1 process name"
	}
	return fmt.Sprintf("%d process names", n)
}
