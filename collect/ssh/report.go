package ssh

import (
	"fmt"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/report"
)

// report makes an answer a report. user is who logged in; fold folds sockets
// into rows.
func (a *answer) report(user string, fold func(*collect.Listing) (*report.Report, error)) (*report.Report, error) {
	l, err := a.listing()
	if err != nil {
		return nil, err
	}
	r, err := fold(l)
	if err != nil {
		return nil, err
	}
	if id, ok := report.MachineIdentity(a.text("machine")); ok {
		r.Node.Identity = id
	}
	a.noteRights(r, user)
	return r, nil
}

// noteRights says what the user could not see, in place of what is said where
// nothing is known of that.
func (a *answer) noteRights(r *report.Report, user string) {
	at := slices.IndexFunc(r.Notes, func(n report.Note) bool { return n.Code == "hidden-owners" })
	if at < 0 {
		return
	}
	hidden := r.Coverage.HiddenProcesses
	if a.seesAll() {
		r.Coverage.HiddenAsUser = 0
		r.Notes[at] = report.Note{Code: "hidden-owners", Text: names(hidden) + " hidden even from root."}
		return
	}
	r.Coverage.HiddenAsUser = hidden
	note := report.Note{
		Code: "unprivileged", Text: fmt.Sprintf("%s hidden: user %s is not root, and %s.", names(hidden), report.CleanName(user), a.whyNoSudo()),
		Hint: "All names: sudo for two commands, by the line that dotm node ssh-command --for sudoers prints",
	}
	if a.first(socketSections) == "" {
		note.Hint = "All names: install ss, and permit it by sudo"
	}
	r.Notes[at] = note
}

func (a *answer) whyNoSudo() string {
	if a.sudoRefused() || a.refusedBefore {
		return "sudo refused to list the sockets"
	}
	return "sudo is not there, or not to be tried"
}

func names(n int) string {
	if n == 1 {
		return "1 process name"
	}
	return fmt.Sprintf("%d process names", n)
}

// fold turns a listing of a node into a report. A node that is asked again and
// again is remembered, so that what opened in between is counted once.
func (p *Poller) fold(m *memory, l *collect.Listing, now time.Time) (*report.Report, error) {
	if p.opt.OneLook {
		return l.Report(now)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return l.ReportNext(m.folder, now)
}
