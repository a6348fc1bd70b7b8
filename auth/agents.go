package auth

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// maxAgents bounds what may enrol.
	maxAgents = 100_000
	// showRevoked is how long a revoked agent is listed.
	showRevoked = 90 * 24 * time.Hour
	// maxAgentText bounds a name, a zone, an identity.
	maxAgentText = 255
)

// Agents are the enrolled agents and relays, and the tokens that let more of
// them enrol. All methods are safe for concurrent use.
type Agents struct {
	keeper Keeper
	now    func() time.Time

	mu      sync.Mutex // held over a write: memory never runs ahead of the store
	tokens  map[string]*token
	secrets map[string]*token // by the hash of their secret
	agents  map[string]*agent
	dirty   map[string]bool // agents of which the store doesn't know the newest report
}

// Agent is what is shown of one: everything but its secret.
type Agent struct {
	ID string `json:"id"`
	// Identity is the host's on the chart: the ID, or that of the agent which
	// enrolled on this host before.
	Identity string   `json:"identity" doc:"of the host: it stays when the host enrols anew"`
	Role     Role     `json:"role" enum:"agent,relay"`
	Name     string   `json:"name" doc:"the host that it speaks for"`
	Zone     string   `json:"zone"`
	Names    []string `json:"names,omitempty" doc:"of a relay's certificate"`
	Version  string   `json:"version" doc:"of dotm, when it enrolled"`
	// Enrolled and Revoked are moments; Revoked is zero for one in force.
	Enrolled    time.Time `json:"enrolled"`
	LastReport  time.Time `json:"last_report,omitzero"`
	LastAddress string    `json:"last_address,omitempty" doc:"where its last report came from"`
	Via         string    `json:"via,omitempty" doc:"the relay that forwarded it"`
	Revoked     time.Time `json:"revoked,omitzero"`
}

// agent is what is kept.
type agent struct {
	Agent
	Hash  string `json:"hash"`
	Token string `json:"token"` // the id of the one it enrolled with
	// Machine is what tells the host apart, hashed (machine-id(5)); empty if
	// nothing does. Only a host with the same may change its name.
	Machine string `json:"machine,omitempty"`
}

// EnrolRequest is the body of POST /enrol. The token is in the request's head.
type EnrolRequest struct {
	Name    string `json:"name" doc:"of the host"`
	Machine string `json:"machine,omitempty" doc:"its machine-id, hashed as in reports; empty if it has none"`
	Zone    string `json:"zone,omitempty"`
	Version string `json:"version,omitempty" doc:"of dotm"`
	// SecretHash makes the answer repeatable: who asks again with the same
	// token and hash is answered the same, and no use is counted. The secret
	// itself has not left its host by then.
	SecretHash string `json:"secret_hash" doc:"SHA-256 of the agent's secret, in hexadecimal digits"`
	// Key asks for a server's certificate, in DER (RFC 2986). Relays only.
	Key []byte `json:"certificate_request,omitempty" doc:"PKCS #10, of a relay"`
}

// EnrolAnswer is the answer to it.
type EnrolAnswer struct {
	ID          string `json:"id" doc:"of the agent; with its secret it is the agent's identity"`
	Certificate string `json:"certificate,omitempty" doc:"of a relay, with the CA's, in PEM"`
}

// NewAgents reads what is kept. now is the clock.
func NewAgents(k Keeper, now func() time.Time) (*Agents, error) {
	a := &Agents{
		keeper: k, now: now, tokens: map[string]*token{}, secrets: map[string]*token{},
		agents: map[string]*agent{}, dirty: map[string]bool{},
	}
	return a, a.load()
}

func (a *Agents) load() error {
	if err := Load(a.keeper, kindToken, func(_ string, t *token) { a.putToken(t) }); err != nil {
		return err
	}
	return Load(a.keeper, kindAgent, func(id string, x *agent) {
		if !a.dirty[id] || a.agents[id] == nil || !x.Revoked.IsZero() {
			a.agents[id] = x
		}
	})
}

// Reload takes in what another server keeps. Of an agent whose last report is not
// kept yet, only that it was revoked is taken.
func (a *Agents) Reload() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.tokens)
	clear(a.secrets)
	for id := range a.agents {
		if !a.dirty[id] {
			delete(a.agents, id)
		}
	}
	return a.load()
}

// hexHash is the form of [HashSecret].
var hexHash = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (r *EnrolRequest) check() error {
	for _, f := range []struct{ field, value string }{
		{"name", r.Name}, {"machine", r.Machine}, {"zone", r.Zone}, {"version", r.Version},
	} {
		if len(f.value) > maxAgentText || strings.ContainsFunc(f.value, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			return fmt.Errorf("%s is %w: it must be at most %d bytes without control characters", f.field, ErrInvalid, maxAgentText)
		}
	}
	switch {
	case r.Name == "":
		return fmt.Errorf("name is %w: it must not be empty", ErrInvalid)
	case !hexHash.MatchString(r.SecretHash):
		return fmt.Errorf("secret_hash is %w: it must be 64 hexadecimal digits", ErrInvalid)
	}
	return nil
}

// Enrol exchanges a token's secret for an identity. Errors wrap
// [ErrCredential], [ErrInvalid] or [ErrForbidden], or are the keeper's.
func (a *Agents) Enrol(ctx context.Context, secret string, r EnrolRequest) (Agent, error) {
	if err := r.check(); err != nil {
		return Agent{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.secrets[HashSecret(secret)]
	if t == nil {
		return Agent{}, errUnknownToken
	}
	if known := a.enrolledWith(t.ID, r.SecretHash); known != nil {
		return known.Agent, nil // the answer was lost
	}
	if err := t.refuses(a.now()); err != nil {
		return Agent{}, err
	}
	if err := t.fits(r); err != nil {
		return Agent{}, err
	}
	if len(a.agents) >= maxAgents {
		return Agent{}, fmt.Errorf("another agent is %w: there are %d", ErrForbidden, maxAgents)
	}
	used := *t
	used.Used++
	id := NewID()
	x := &agent{Agent{
		ID: id, Identity: cmp.Or(a.identityOf(&r), id), Role: t.Role, Name: r.Name, Zone: r.Zone, Names: t.Names, Version: r.Version,
		Enrolled: a.now().UTC().Truncate(time.Second),
	}, r.SecretHash, t.ID, r.Machine}
	keep := []Document{NewDocument(kindToken, t.ID, &used), NewDocument(kindAgent, x.ID, x)}
	if err := a.keeper.ChangeDocuments(ctx, keep, nil); err != nil {
		return Agent{}, fmt.Errorf("keeping agent: %w", err)
	}
	a.putToken(&used)
	a.agents[x.ID] = x
	return x.Agent, nil
}

// enrolledWith finds what enrolled with a token and this secret, unless it was
// revoked.
func (a *Agents) enrolledWith(token, hash string) *agent {
	for _, x := range a.agents {
		if x.Token == token && SameHash(x.Hash, hash) && x.Revoked.IsZero() {
			return x
		}
	}
	return nil
}

// identityOf finds the identity of a host that enrolled before; "" if there is
// none. It is the same host if its machine-id, its name and its zone are: clones
// have one machine-id, and hosts of one name are many.
func (a *Agents) identityOf(r *EnrolRequest) string {
	for _, x := range a.agents {
		if r.Machine != "" && x.Machine == r.Machine && x.Name == r.Name && x.Zone == r.Zone {
			return x.Identity
		}
	}
	return ""
}

// Authenticate tells whose a credential is. Errors wrap [ErrCredential].
func (a *Agents) Authenticate(text string) (Agent, error) {
	c, err := ParseCredential(text)
	if err != nil {
		return Agent{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	x := a.agents[c.ID]
	switch {
	case x == nil || !SameHash(x.Hash, HashSecret(c.Secret)):
		return Agent{}, fmt.Errorf("agent's identity is %w: this server doesn't know it (enrol anew with a token of dotm token create)", ErrCredential)
	case !x.Revoked.IsZero():
		return Agent{}, fmt.Errorf("agent's identity is %w: agent %s (%s) was revoked at %s (enrol anew with a token of dotm token create)",
			ErrCredential, x.ID, x.Name, x.Revoked.Format(time.RFC3339))
	}
	return x.Agent, nil
}

// Sighting is what a report and its way tell of its host.
type Sighting struct {
	Name, Zone string
	Machine    string // the host's machine-id as the report says it, or ""
	Address    netip.Addr
	Via        string // the relay's name, or ""
}

// Admit refuses a report for another host: an agent speaks for the name that it
// enrolled with, until the same machine (by its machine-id) has another name that
// no other agent speaks for. The error wraps [ErrForbidden] and has both names,
// or [ErrCredential] for an agent that was revoked meanwhile.
func (a *Agents) Admit(id string, s Sighting) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	x := a.agents[id]
	switch {
	case x == nil || !x.Revoked.IsZero():
		return fmt.Errorf("agent's identity is %w: it was revoked", ErrCredential)
	case x.Role != RoleAgent:
		return fmt.Errorf("report is %w: %s is a %s, which forwards and reports nothing", ErrForbidden, x.Name, x.Role)
	case s.Name != x.Name && !a.mayRename(x, s):
		return fmt.Errorf("report is %w: agent %s speaks for %q, not for %q (enrol the other host with a token of its own)",
			ErrForbidden, x.ID, x.Name, s.Name)
	}
	return nil
}

// mayRename reports whether a host has a new name. The caller holds the lock.
func (a *Agents) mayRename(x *agent, s Sighting) bool {
	if x.Machine == "" || x.Machine != s.Machine {
		return false
	}
	for _, y := range a.agents {
		if y != x && y.Revoked.IsZero() && y.Role == RoleAgent && y.Name == s.Name && y.Zone == s.Zone && y.Machine != x.Machine {
			return false
		}
	}
	return true
}

// Saw notes a report that was admitted and taken in. A new name is durable when
// it returns nil; the rest is written by [Agents.Sweep].
func (a *Agents) Saw(ctx context.Context, id string, s Sighting) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	x := a.agents[id]
	if x == nil {
		return fmt.Errorf("agent %.40q is %w", id, ErrNotFound)
	}
	if s.Name != x.Name {
		renamed := *x
		renamed.Name = s.Name
		if err := a.keeper.ChangeDocuments(ctx, []Document{NewDocument(kindAgent, id, &renamed)}, nil); err != nil {
			return fmt.Errorf("keeping agent's name: %w", err)
		}
		x.Name = s.Name
	}
	x.Zone, x.LastReport, x.Via = s.Zone, a.now().UTC().Truncate(time.Second), s.Via
	if s.Address.IsValid() {
		x.LastAddress = s.Address.Unmap().String()
	}
	if x.Revoked.IsZero() {
		a.dirty[id] = true
	}
	return nil
}

// List lists agents and relays by name, those that were revoked too.
func (a *Agents) List() []Agent {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]Agent, 0, len(a.agents))
	for _, x := range a.agents {
		out = append(out, x.Agent)
	}
	slices.SortFunc(out, func(x, y Agent) int { return cmp.Or(strings.Compare(x.Name, y.Name), strings.Compare(x.ID, y.ID)) })
	return out
}

// Clones are the hosts that share what should tell them apart (machine-id(5)) with
// another one: by name, the names of the others. Agents that were revoked don't
// count, nor does a host that enrolled twice.
func (a *Agents) Clones() map[string][]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	machines := map[string]map[string]bool{}
	for _, x := range a.agents {
		if x.Machine == "" || !x.Revoked.IsZero() || x.Role != RoleAgent {
			continue
		}
		if machines[x.Machine] == nil {
			machines[x.Machine] = map[string]bool{}
		}
		machines[x.Machine][x.Name] = true
	}
	out := map[string][]string{}
	for _, hosts := range machines {
		names := slices.Sorted(maps.Keys(hosts))
		for i, name := range names {
			if others := slices.Concat(names[:i], names[i+1:]); len(others) > 0 {
				out[name] = others
			}
		}
	}
	return out
}

// Revoke ends an agent's identity, at once and for good.
func (a *Agents) Revoke(ctx context.Context, id string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	x := a.agents[id]
	if x == nil {
		return fmt.Errorf("agent %.40q is %w", id, ErrNotFound)
	}
	if !x.Revoked.IsZero() {
		return nil
	}
	revoked := *x
	revoked.Revoked = a.now().UTC().Truncate(time.Second)
	if err := a.keeper.ChangeDocuments(ctx, []Document{NewDocument(kindAgent, id, &revoked)}, nil); err != nil {
		return fmt.Errorf("revoking agent: %w", err)
	}
	*x = revoked
	delete(a.dirty, id)
	return nil
}

// Sweep drops what is over and writes what agents did last. It is to be called
// now and then.
func (a *Agents) Sweep(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	keep := make([]Document, 0, len(a.dirty))
	var drop []Key
	for id := range a.dirty {
		keep = append(keep, NewDocument(kindAgent, id, a.agents[id]))
	}
	for id, t := range a.tokens {
		if now.Sub(t.Expires) >= showExpired {
			drop = append(drop, Key{kindToken, id})
		}
	}
	for id, x := range a.agents {
		if !x.Revoked.IsZero() && now.Sub(x.Revoked) >= showRevoked {
			drop = append(drop, Key{kindAgent, id})
		}
	}
	if len(keep)+len(drop) == 0 {
		return nil
	}
	if err := a.keeper.ChangeDocuments(ctx, keep, drop); err != nil {
		return fmt.Errorf("keeping agents: %w", err)
	}
	clear(a.dirty)
	for _, k := range drop {
		if k.Kind == kindToken {
			a.forgetToken(a.tokens[k.Name])
		} else {
			delete(a.agents, k.Name)
		}
	}
	return nil
}
