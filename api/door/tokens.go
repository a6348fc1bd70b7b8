package door

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/api/journal"
	"github.com/devops-trouble-map/dotm/api/read"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
)

// tokens registers the tokens of scripts.
func (d *door) tokens(a huma.API) {
	create := d.op("create-api-token", http.MethodPost, "/api-tokens", "Make an API token", http.StatusUnprocessableEntity)
	create.DefaultStatus = http.StatusCreated
	create.Description = "It goes into the head of requests, as Authorization: Bearer TOKEN, and nowhere else."
	huma.Register(a, d.op("api-tokens", http.MethodGet, "/api-tokens", "All API tokens, without their secrets"), d.listTokens)
	huma.Register(a, create, d.createToken)
	huma.Register(a, d.op("remove-api-token", http.MethodDelete, "/api-tokens/{id}", "End an API token, at once and for good", http.StatusNotFound), d.dropToken)
}

// APITokenList is the answer of GET /api-tokens.
type APITokenList struct {
	Body struct {
		Tokens []people.APIToken `json:"tokens" doc:"by name"`
	}
}

func (d *door) listTokens(context.Context, *struct{}) (*APITokenList, error) {
	out := &APITokenList{}
	out.Body.Tokens = d.Logins.APITokens()
	return out, nil
}

// NewAPIToken is the body of POST /api-tokens.
type NewAPIToken struct {
	Body struct {
		Name      string    `json:"name" maxLength:"255" doc:"what it is for: 1 to 64 bytes, which no other token has"`
		Role      auth.Role `json:"role" doc:"viewer, operator or admin"`
		ExpiresIn string    `json:"expires_in,omitempty" doc:"a duration like 2160h; without it the token has no end"`
		Embed     *NewEmbed `json:"embed,omitempty" doc:"makes a link that shows one chart to whoever has it, and opens nothing else"`
	}
}

// NewEmbed is what a token for embedding shall show.
type NewEmbed struct {
	Formats []string `json:"formats" maxItems:"20" doc:"svg, dot and so on, as in GET /export/{format}"`
	Query   string   `json:"query" maxLength:"4096" doc:"the question, as in the query of GET /export/{format}: level=pool&focus=db1"`
	At      bool     `json:"at,omitempty" doc:"the link may also ask for a moment gone by, with at="`
}

// APITokenAnswer is the answer.
type APITokenAnswer struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Token string `json:"token" doc:"shown this once"`
		Link  string `json:"link,omitempty" doc:"of a token for embedding: where the chart is found with it"`
		people.APIToken
	}
}

func (d *door) createToken(ctx context.Context, r *NewAPIToken) (*APITokenAnswer, error) {
	c := caller.Of(ctx)
	opt := people.TokenOptions{Name: r.Body.Name, Role: r.Body.Role, By: cmp.Or(c.Name(), string(c.Kind()))}
	if r.Body.ExpiresIn != "" {
		life, err := time.ParseDuration(r.Body.ExpiresIn)
		if err != nil || life <= 0 {
			quoted, _ := json.Marshal(r.Body.ExpiresIn)
			return nil, huma.Error422UnprocessableEntity("expires_in must be a duration like 2160h, is " + string(quoted))
		}
		opt.Life = life
	}
	if in := r.Body.Embed; in != nil {
		query, err := d.Question(in.Formats, in.Query)
		if err != nil {
			return nil, err
		}
		opt.Embed = &people.Embed{Formats: in.Formats, Query: query, At: in.At}
	}
	text, made, err := d.Logins.CreateAPIToken(ctx, opt)
	if err != nil {
		journal.Changed(ctx, r.Body.Name, nil, nil)
		return nil, d.denied("making an API token", err)
	}
	journal.Changed(ctx, made.Name, nil, map[string]any{"id": made.ID, "role": made.Role, "expires": r.Body.ExpiresIn, "embed": made.Embed})
	d.Log.Info("API token was made", "id", made.ID, "name", made.Name, "role", made.Role, "by", made.By)
	out := &APITokenAnswer{CacheControl: "no-store"}
	out.Body.Token, out.Body.APIToken = text, made
	if made.Embed != nil {
		out.Body.Link = d.URL + read.Prefix + "/export/" + made.Embed.Formats[0] + "?embed=" + text
	}
	return out, nil
}

// APITokenName names a token in a path.
type APITokenName struct {
	ID string `path:"id" maxLength:"64"`
}

func (d *door) dropToken(ctx context.Context, r *APITokenName) (*struct{}, error) {
	gone, err := d.Logins.DropAPIToken(ctx, r.ID)
	if err != nil {
		return nil, d.denied("ending an API token", err)
	}
	journal.Changed(ctx, gone.Name, map[string]any{"id": gone.ID, "role": gone.Role}, nil)
	return nil, nil //nolint:nilnil // no content
}
