package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"
)

// Policy is the server's answer to a report: what it wants of the agent. It
// only ever steers how a report is written; nothing in it is executed.
type Policy struct {
	// Beats says that the server keeps this agent's last report, and that the
	// next may be a [Beat].
	Beats bool `json:"beats"`
	// IntervalMS is the time between two reports that the server wants, in
	// milliseconds; 0: the agent's own.
	IntervalMS int64 `json:"interval_ms,omitempty"`
	// Name names the lists that follow. They are left out where the report
	// said by this name that the agent has them; see [Agent].
	Name string `json:"name"`
	// InternalNetworks are those whose addresses never fold: the private ones,
	// the site's own, and single addresses outside that the server knows.
	InternalNetworks []netip.Prefix `json:"internal_networks,omitempty"`
	// Fold says how peers outside of them are folded.
	Fold Fold `json:"fold,omitzero"`
	// Received is when the report arrived, by the server's clock.
	Received time.Time `json:"received"`
}

// Fold says how peers are folded into networks.
type Fold struct {
	// Networks is how many networks and single peers outside a report names
	// before it folds them, and after it has; 0: it doesn't fold.
	Networks int `json:"networks"`
	// Within are networks that no fold may go beyond: it is made of addresses
	// of one of them, or of none.
	Within []netip.Prefix `json:"within,omitempty"`
}

// Named returns the policy with a name that tells its lists from others.
func (p Policy) Named() Policy {
	raw, err := json.Marshal(struct {
		Internal []netip.Prefix
		Fold     Fold
	}{p.InternalNetworks, p.Fold})
	if err != nil { // prefixes and numbers can always be written
		return p
	}
	sum := sha256.Sum256(raw)
	p.Name = hex.EncodeToString(sum[:8])
	return p
}

// Brief is the policy without the lists that an agent has which knows it by
// that name.
func (p Policy) Brief(known string) Policy {
	if known == p.Name {
		p.InternalNetworks, p.Fold = nil, Fold{}
	}
	return p
}

// Validate returns the first broken rule as a [*FieldError].
func (p *Policy) Validate() error {
	if least := int64(100); p.IntervalMS != 0 && (p.IntervalMS < least || p.IntervalMS > MaxInterval.Milliseconds()) {
		return broken("interval_ms", fmt.Sprintf("must be 0 or %d to %d", least, MaxInterval.Milliseconds()), p.IntervalMS)
	}
	if p.Fold.Networks < 0 || p.Fold.Networks > MaxRows {
		return broken("fold.networks", fmt.Sprintf("must be 0 to %d", MaxRows), p.Fold.Networks)
	}
	for _, list := range []struct {
		field    string
		networks []netip.Prefix
	}{{"internal_networks", p.InternalNetworks}, {"fold.within", p.Fold.Within}} {
		if n := len(list.networks); n > MaxNetworks {
			return broken(list.field, fmt.Sprintf("must have at most %d entries", MaxNetworks), n)
		}
		for i, n := range list.networks {
			if !n.IsValid() || n != n.Masked() {
				return broken(fmt.Sprintf("%s[%d]", list.field, i), "must be a network like 203.0.113.0/24", n)
			}
		}
	}
	return checkText("name", p.Name, MaxName)
}
