// Package agents lets agents and relays enrol, and takes in what they report.
package agents

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/api/journal"
	"github.com/devops-trouble-map/dotm/api/metrics"
	"github.com/devops-trouble-map/dotm/api/problem"
	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/store"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// Issuer is the server's own CA.
type Issuer interface {
	// PEM is its certificate.
	PEM() []byte
	// Issue signs a relay's request, for these names. Errors that wrap
	// [auth.ErrInvalid] are the asker's.
	Issue(request []byte, names []string) (chain []byte, err error)
}

// The paths that are judged by who enrols.
const (
	EnrolPath       = read.Prefix + "/enrol"
	CertificatePath = read.Prefix + "/certificate"
)

// Model is the live topology.
type Model interface {
	// Snapshot is the newest topology.
	Snapshot() *topology.Snapshot
}

// Settings are those in force, with the names of the fixed ones.
type Settings interface {
	Settings() (in store.Settings, fixed []string)
}

// Options are what the routes need. Agents and Issuer may be nil, all else is required.
type Options struct {
	Model    Model
	Settings Settings
	Sink     collect.Sink
	Agents   *auth.Agents
	// Issuer is the server's own CA. Pin is the CA that agents shall know the server
	// by; zero if its certificate comes from elsewhere.
	Issuer Issuer
	Pin    auth.Fingerprint
	Meter  *metrics.Meter
	// Denied is the problem document of an error of package auth, and Status its HTTP
	// status; 0 for others.
	Denied func(doing string, err error) error
	Status func(err error) int
	Log    *slog.Logger
}

type routes struct{ Options }

// Router serves patterns of [http.ServeMux].
type Router interface {
	HandleFunc(pattern string, f func(http.ResponseWriter, *http.Request))
}

// Register adds how agents enrol and report, and what is known of them.
func Register(a huma.API, mux Router, opt Options) {
	h := &routes{opt}
	h.enrolling(a)
	h.reports(mux, a.OpenAPI())
}

// enrolling registers how agents enrol, and what is known of them.
func (h *routes) enrolling(a huma.API) {
	if h.Agents == nil {
		return
	}
	huma.Register(a, read.Op("agents", "/agents", "All enrolled agents and relays, those that were revoked too"), h.listAgents)
	huma.Register(a, huma.Operation{
		OperationID: "revoke-agent", Method: http.MethodDelete, Path: read.Prefix + "/agents/{id}",
		Summary: "Revoke an agent's identity, at once and for good", Errors: []int{http.StatusNotFound},
	}, h.revokeAgent)
	huma.Register(a, read.Op("tokens", "/tokens", "All enrolment tokens, without their secrets"), h.listTokens)
	huma.Register(a, huma.Operation{
		OperationID: "create-token", Method: http.MethodPost, Path: read.Prefix + "/tokens", DefaultStatus: http.StatusCreated,
		Summary: "Make an enrolment token", Errors: []int{http.StatusUnprocessableEntity}, MaxBodyBytes: 64 << 10,
	}, h.createToken)
	huma.Register(a, huma.Operation{
		OperationID: "remove-token", Method: http.MethodDelete, Path: read.Prefix + "/tokens/{id}",
		Summary: "End an enrolment token; what enrolled with it stays", Errors: []int{http.StatusNotFound},
	}, h.dropToken)
	huma.Register(a, huma.Operation{
		OperationID: "enrol", Method: http.MethodPost, Path: EnrolPath, DefaultStatus: http.StatusCreated,
		Summary:     "Exchange an enrolment token for an identity",
		Description: "The token is the request's bearer. From then on the agent's bearer is dotm1a.ID.SECRET.",
		Errors:      []int{http.StatusUnauthorized, http.StatusUnprocessableEntity}, MaxBodyBytes: 64 << 10,
	}, h.enrol)
	if h.Issuer == nil {
		return
	}
	huma.Register(a, huma.Operation{
		OperationID: "renew-certificate", Method: http.MethodPost, Path: CertificatePath, DefaultStatus: http.StatusCreated,
		Summary: "Renew the certificate of a relay", Errors: []int{http.StatusForbidden, http.StatusUnprocessableEntity}, MaxBodyBytes: 64 << 10,
	}, h.renewCertificate)
	huma.Register(a, caOperation(), h.ca)
}

// AgentList is the answer of GET /agents.
type AgentList struct {
	Body struct {
		Agents []auth.Agent `json:"agents"`
	}
}

func (h *routes) listAgents(context.Context, *struct{}) (*AgentList, error) {
	out := &AgentList{}
	out.Body.Agents = h.Agents.List()
	return out, nil
}

// IDParam names an agent or a token.
type IDParam struct {
	ID string `path:"id" maxLength:"64"`
}

func (h *routes) revokeAgent(ctx context.Context, p *IDParam) (*struct{}, error) {
	journal.Changed(ctx, p.ID, h.agentNamed(p.ID), nil)
	if err := h.Agents.Revoke(ctx, p.ID); err != nil {
		return nil, h.Denied("revoking agent", err)
	}
	h.Log.Info("agent was revoked", "id", p.ID, "by", caller.Of(ctx).Name())
	return nil, nil //nolint:nilnil // no content
}

// agentNamed is what the audit log says of an agent; nil if there is none.
func (h *routes) agentNamed(id string) any {
	list := h.Agents.List()
	i := slices.IndexFunc(list, func(a auth.Agent) bool { return a.ID == id })
	if i < 0 {
		return nil
	}
	return map[string]string{"name": list[i].Name, "role": string(list[i].Role), "zone": list[i].Zone}
}

// TokenList is the answer of GET /tokens.
type TokenList struct {
	Body struct {
		Tokens []auth.TokenInfo `json:"tokens"`
	}
}

func (h *routes) listTokens(context.Context, *struct{}) (*TokenList, error) {
	out := &TokenList{}
	out.Body.Tokens = h.Agents.Tokens()
	return out, nil
}

// TokenRequest is the body of POST /tokens.
type TokenRequest struct {
	Body struct {
		Uses      *int     `json:"uses,omitempty" doc:"how often it may be used, 1 if not said; 0 is any number"`
		ExpiresIn string   `json:"expires_in,omitempty" doc:"a duration like 24h, which it is if not said"`
		Names     []string `json:"names,omitempty" doc:"makes it a relay's: the host names and addresses that its agents call it by"`
	}
}

// TokenAnswer is the answer.
type TokenAnswer struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Token   string    `json:"token" doc:"shown this once"`
		ID      string    `json:"id"`
		Expires time.Time `json:"expires"`
	}
}

func (h *routes) createToken(ctx context.Context, r *TokenRequest) (*TokenAnswer, error) {
	opt := auth.TokenOptions{Uses: 1, Names: r.Body.Names}
	if r.Body.Uses != nil {
		opt.Uses = *r.Body.Uses
	}
	if r.Body.ExpiresIn != "" {
		life, err := time.ParseDuration(r.Body.ExpiresIn)
		if err != nil || life <= 0 {
			return nil, huma.Error422UnprocessableEntity("expires_in must be a duration like 24h, is " + problem.Quote(r.Body.ExpiresIn))
		}
		opt.Life = life
	}
	if len(opt.Names) > 0 && h.Issuer == nil {
		return nil, huma.Error422UnprocessableEntity("names make a relay's token, and this server has no CA")
	}
	secret, info, err := h.Agents.CreateToken(ctx, opt)
	if err != nil {
		return nil, h.Denied("making a token", err)
	}
	journal.Changed(ctx, info.ID, nil, map[string]any{"role": info.Role, "names": info.Names, "uses": info.Uses, "expires": info.Expires})
	h.Log.Info("token was made", "id", info.ID, "role", info.Role, "uses", info.Uses, "expires", info.Expires, "by", caller.Of(ctx).Name())
	out := &TokenAnswer{CacheControl: "no-store"}
	out.Body.Token, out.Body.ID, out.Body.Expires = auth.Token{CA: h.Pin, Secret: secret}.String(), info.ID, info.Expires
	return out, nil
}

func (h *routes) dropToken(ctx context.Context, p *IDParam) (*struct{}, error) {
	if err := h.Agents.DropToken(ctx, p.ID); err != nil {
		return nil, h.Denied("ending token", err)
	}
	return nil, nil //nolint:nilnil // no content
}

// EnrolBody is the request of POST /enrol.
type EnrolBody struct{ Body auth.EnrolRequest }

// EnrolAnswer is the answer.
type EnrolAnswer struct {
	CacheControl string `header:"Cache-Control"`
	Body         auth.EnrolAnswer
}

func (h *routes) enrol(ctx context.Context, r *EnrolBody) (*EnrolAnswer, error) {
	c := caller.Of(ctx)
	journal.Changed(ctx, r.Body.Name, nil, map[string]string{"name": r.Body.Name, "zone": r.Body.Zone, "version": r.Body.Version})
	if err := report.HostName(r.Body.Name); err != nil {
		return nil, huma.Error422UnprocessableEntity("name " + err.Error() + ", is " + problem.Quote(r.Body.Name))
	}
	agent, err := h.Agents.Enrol(ctx, c.Token, r.Body)
	if err != nil {
		h.Log.Warn("enrolling was refused", "name", r.Body.Name, "address", c.Address, "via", c.Via, "error", err)
		return nil, h.Denied("enrolling", err)
	}
	journal.Changed(ctx, agent.Name, nil, map[string]string{"id": agent.ID, "role": string(agent.Role)})
	h.Log.Info("enrolled", "id", agent.ID, "role", agent.Role, "name", agent.Name, "address", c.Address, "via", c.Via)
	return h.welcome(agent, r.Body.Key)
}

// welcome answers with what an agent or relay gets.
func (h *routes) welcome(agent auth.Agent, request []byte) (*EnrolAnswer, error) {
	out := &EnrolAnswer{CacheControl: "no-store", Body: auth.EnrolAnswer{ID: agent.ID}}
	if agent.Role == auth.RoleRelay && len(request) > 0 && h.Issuer != nil {
		chain, err := h.Issuer.Issue(request, agent.Names)
		if err != nil {
			return nil, h.Denied("making a certificate", err)
		}
		out.Body.Certificate = string(chain)
	}
	return out, nil
}

// RenewBody is the request of POST /certificate.
type RenewBody struct {
	Body struct {
		Key []byte `json:"certificate_request" doc:"PKCS #10"`
	}
}

func (h *routes) renewCertificate(ctx context.Context, r *RenewBody) (*EnrolAnswer, error) {
	return h.welcome(*caller.Of(ctx).Agent, r.Body.Key)
}

// CAAnswer is the certificate of the server's own CA.
type CAAnswer struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func caOperation() huma.Operation {
	op := read.Op("ca", "/ca", "The certificate of the server's own CA")
	op.Responses = map[string]*huma.Response{"200": {
		Description: "PEM", Content: map[string]*huma.MediaType{"application/pem-certificate-chain": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
	return op
}

func (h *routes) ca(context.Context, *struct{}) (*CAAnswer, error) {
	return &CAAnswer{"application/pem-certificate-chain", h.Issuer.PEM()}, nil
}

// sinkFor is where the reports of a caller go.
func (h *routes) sinkFor(c *caller.Caller) collect.Sink { return &identified{h, c} }

// identified puts who a report is from into it: what the body says counts for
// nothing.
type identified struct {
	h *routes
	c *caller.Caller
}

// redundant refuses what somebody brings about a node whose agent reports: what
// the machine says itself goes first, and nothing of this would be seen.
func (s *identified) redundant(r *report.Report) error {
	if r.Agent.Method != collect.MethodImport {
		return nil
	}
	b := s.h.Model.Snapshot().Block(r.Node.Name)
	if b == nil || b.Node.Collect != "agent" || b.Node.State != topology.Reporting || b.Node.Zone != r.Zone {
		return nil
	}
	return fmt.Errorf("importing %s: %w: nothing of the file would be shown", r.Node.Name, collect.ErrRedundant)
}

// Put refuses a report for another host than the agent's own.
func (s *identified) Put(ctx context.Context, r *report.Report) error {
	if s.c.Agent == nil {
		if r.Node.Identity.Kind == report.IdentityEnrolled {
			return &report.FieldError{
				Field: "node.identity.kind", Rule: "must not be enrolled without the agent's credential", Value: problem.Quote(r.Node.Identity.Kind),
			}
		}
		if err := s.redundant(r); err != nil {
			return err
		}
		return s.h.Sink.Put(ctx, r)
	}
	seen := auth.Sighting{Name: r.Node.Name, Zone: r.Zone, Address: s.c.Address, Via: s.c.Via}
	if r.Node.Identity.Kind == report.IdentityMachine {
		seen.Machine = r.Node.Identity.Value
	}
	if err := s.h.Agents.Admit(s.c.Agent.ID, seen); err != nil {
		return err
	}
	r.Node.Identity = report.Identity{Kind: report.IdentityEnrolled, Value: s.c.Agent.Identity}
	if err := s.h.Sink.Put(ctx, r); err != nil {
		return err
	}
	if err := s.h.Agents.Saw(ctx, s.c.Agent.ID, seen); err != nil && !errors.Is(err, auth.ErrNotFound) {
		s.h.Log.Error("noting a report failed", "error", err) // the report itself is taken in
	}
	return nil
}
