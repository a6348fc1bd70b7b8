package view

import (
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// firstEphemeral is where the ports begin that the kernel gives away (the
// default of net.ipv4.ip_local_port_range).
const firstEphemeral = 32768

// sieve decides what is shown, and counts why the rest isn't.
type sieve struct {
	*Settings
	at                                time.Time // by which old things are hidden
	old, ignored, own, observers, any bool      // what is hidden; any of them
	hidden                            Hidden
	// until is the first moment after which something of what was asked about
	// so far is hidden for its age; zero if nothing will be.
	until time.Time
}

func newSieve(q Question, settings *Settings, at time.Time) sieve {
	return sieve{
		Settings: settings, at: at, any: q.Hide != "",
		old: q.Hides(HideOld), ignored: q.Hides(HideIgnored), own: q.Hides(HideInfrastructure), observers: q.Hides(HideObservers),
	}
}

// serves decides about a service.
func (v *sieve) serves(s *topology.Service, ignored bool) bool {
	if v.leavesOut(ignored, s.Own, s.State == topology.Gone, s.LastSeen) || v.fleeting(s) {
		v.hidden.Services++
		return false
	}
	return true
}

// lets decides about a connection.
func (v *sieve) lets(c *topology.Connection, ignored bool) bool {
	switch {
	case c.Observer && v.observers:
		v.hidden.Observers++
	case !v.leavesOut(ignored, c.Own, c.Status == topology.Old, c.LastSeen):
		return true
	}
	v.hidden.Connections++
	return false
}

// leavesOut decides about either and counts why.
func (v *sieve) leavesOut(ignored, own, old bool, seen time.Time) bool {
	switch {
	case old && v.any && v.HideAfter > 0 && v.past(seen, v.HideAfter), old && v.old:
		v.hidden.Old++
	case own && v.own:
		v.hidden.Own++
	case ignored && v.ignored:
		v.hidden.Ignored++
	default:
		return false
	}
	return true
}

// fleeting tells services that were given any port that was free, as those of
// tests and of RPC are: once gone for longer than the ageing time they are
// counted as old and not shown, for they would crowd out what is there.
func (v *sieve) fleeting(s *topology.Service) bool {
	if !v.any || s.State != topology.Gone || s.Port < firstEphemeral || !v.past(s.LastSeen, v.Ageing) {
		return false
	}
	v.hidden.Old++
	return true
}

// past tells whether something was seen longer ago than that, and remembers when
// it will be.
func (v *sieve) past(seen time.Time, ago time.Duration) bool {
	if v.at.Sub(seen) > ago {
		return true
	}
	if end := seen.Add(ago); v.until.IsZero() || end.Before(v.until) {
		v.until = end
	}
	return false
}

// add counts other hidden things so many times.
func (h *Hidden) add(o Hidden, times int) {
	h.Services += times * o.Services
	h.Connections += times * o.Connections
	h.Ignored += times * o.Ignored
	h.Own += times * o.Own
	h.Old += times * o.Old
	h.Observers += times * o.Observers
}
