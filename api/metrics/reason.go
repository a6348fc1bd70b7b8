package metrics

import "net/http"

// Reasons why reports are not taken in.
const (
	identity    = "identity"    // the agent has none, or one that is not in force
	otherHost   = "other host"  // the report is for another host than the agent's
	late        = "late"        // one that is newer was taken in, or an agent reports
	tooLarge    = "too large"   // beyond a limit
	invalid     = "invalid"     // it breaks a rule, or is of another version
	unreadable  = "unreadable"  // it is no report at all
	unavailable = "unavailable" // the server stops, or knows of nobody who leads
	failed      = "failed"      // anything else
)

var reasons = []string{identity, otherHost, late, tooLarge, invalid, unreadable, unavailable, failed}

// Reason is why a report is refused with a status.
func Reason(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return identity
	case http.StatusForbidden:
		return otherHost
	case http.StatusConflict:
		return late
	case http.StatusRequestEntityTooLarge:
		return tooLarge
	case http.StatusUnprocessableEntity:
		return invalid
	case http.StatusBadRequest, http.StatusUnsupportedMediaType:
		return unreadable
	case http.StatusServiceUnavailable:
		return unavailable
	}
	return failed
}
