package api

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
	"github.com/devops-trouble-map/dotm/export"
)

// A link for embedding shows one chart to whoever has it: it stands in pages of others, in
// their histories and logs. So its token goes into the query, where an image can have it,
// is taken for nothing but the one question that it was made for, and is taken away from
// the request before anything else sees that.

// embedParam is the parameter that carries the token, exportPath where it may.
const (
	embedParam = "embed"
	exportPath = Prefix + "/export/"
)

// embedPolicy is the policy of what is embedded: it loads nothing, runs nothing, and stands
// in no frame.
const embedPolicy = "default-src 'none'; frame-ancestors 'none'; sandbox"

// embedCache lets a browser show the picture again without asking for so long; then it asks
// with the revision that it has.
const embedCache = "private, max-age=30, must-revalidate"

// The errors of links.
var (
	errEmbedOnly = errors.New("this link shows one chart and nothing else: its token is good for GET /api/v1/export/{format} alone")
	errEmbedAsk  = errors.New("this link asks one question: what is shown can't be changed in it (dotm token embed makes another)")
)

// embeds reports whether a request brings a token for embedding.
func embeds(r *http.Request) bool {
	return strings.Contains(r.URL.RawQuery, embedParam+"=") && r.URL.Query().Has(embedParam)
}

// embedded judges such a request, and puts the question of its token in the place of what
// it asks.
func (h *handler) embedded(r *http.Request, c *caller) error {
	asked := r.URL.Query()
	secret := asked.Get(embedParam)
	asked.Del(embedParam)
	r.URL.RawQuery = asked.Encode() // the token is in no log from here on
	r.RequestURI = r.URL.RequestURI()
	r.Header.Del("Referer")
	format, there := strings.CutPrefix(r.URL.Path, exportPath)
	if !there || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return errEmbedOnly
	}
	if h.Logins == nil {
		return auth.ErrCredential
	}
	if len(h.Proxies) > 0 && r.Header.Get("X-Forwarded-Proto") == "http" {
		return errPlain
	}
	t, err := h.Logins.CheckEmbed(secret, c.address)
	if err != nil {
		return err
	}
	at := asked.Get("at")
	if t.Embed.At {
		asked.Del("at")
	}
	if len(asked) > 0 || !t.Embed.Shows(format) {
		return errEmbedAsk
	}
	r.URL.RawQuery = t.Embed.Query
	if t.Embed.At && at != "" {
		fixed, _ := url.ParseQuery(t.Embed.Query)
		fixed.Set("at", at)
		r.URL.RawQuery = fixed.Encode()
	}
	r.RequestURI = r.URL.RequestURI()
	c.api, c.role = &t, t.Role
	return nil
}

// embeddable sets the headers by which an image on a page of another origin may show the
// answer. Nothing there can read it: there is no Access-Control-Allow-Origin.
func embeddable(head http.Header) {
	head.Set("Cross-Origin-Resource-Policy", "cross-origin")
	head.Set("Content-Security-Policy", embedPolicy)
}

// isEmbed tells who came by a link for embedding.
func (c *caller) isEmbed() bool { return c.api != nil && c.api.Embed != nil }

// embedQuestion judges what a link shall ask, and writes it in a fixed order.
func embedQuestion(formats []string, query string) (string, error) {
	for _, f := range formats {
		if !export.Format(f).Known() {
			return "", huma.Error422UnprocessableEntity("embed.formats must be formats of GET /export/{format}",
				&huma.ErrorDetail{Message: "must be a format", Location: "body.embed.formats", Value: f})
		}
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return "", wrongEmbed("must be a query like level=pool&focus=db1", query)
	}
	for name, values := range q {
		if !slices.Contains(chartWords, name) {
			return "", wrongEmbed("must hold nothing but "+strings.Join(chartWords, ", "), name)
		}
		if len(values) > 1 {
			return "", wrongEmbed("must name each parameter once", name)
		}
		if values[0] == "" {
			q.Del(name)
		}
	}
	p := ChartParams{Params: Params{Level: q.Get("level"), Expand: q.Get("expand"), Hide: q.Get("hide"), At: q.Get("at")}, Near: *nearOf(q)}
	if _, problem := p.question(); problem != nil {
		return "", problem
	}
	return q.Encode(), nil
}

// chartWords are the parameters by which a chart is asked for.
var chartWords = []string{"level", "expand", "hide", "at", "focus", "hops", "trouble", "group", "process", "name", "text", "incident"}

func wrongEmbed(rule, value string) error {
	return huma.Error422UnprocessableEntity("embed.query "+rule+", is "+quoteShort(value),
		&huma.ErrorDetail{Message: rule, Location: "body.embed.query", Value: value})
}

// tooOften answers who asks by a link too often.
func tooOften(err error) bool { return errors.Is(err, people.ErrTooOften) }
