package api

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
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
func (h *handler) embedded(r *http.Request, c *caller.Caller) error {
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
	t, err := h.Logins.CheckEmbed(secret, c.Address)
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
	c.API, c.Role = &t, t.Role
	return nil
}

// embeddable sets the headers by which an image on a page of another origin may show the
// answer. Nothing there can read it: there is no Access-Control-Allow-Origin.
func embeddable(head http.Header) {
	head.Set("Cross-Origin-Resource-Policy", "cross-origin")
	head.Set("Content-Security-Policy", embedPolicy)
}

// tooOften answers who asks by a link too often.
func tooOften(err error) bool { return errors.Is(err, people.ErrTooOften) }
