package people

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/devops-trouble-map/dotm/auth"
)

// embedMark begins every token for embedding. It stands in addresses, which leak: so it is
// no other kind of token, and opens nothing else.
const embedMark = "dotm1e"

// Limits of what such a token shows.
const (
	maxEmbedQuery   = 4096
	maxEmbedFormats = 20
)

// Embed is the one question that a token for embedding asks.
type Embed struct {
	Formats []string `json:"formats" doc:"of GET /export/{format}"`
	// Query is the question as a query string, in a fixed order.
	Query string `json:"query" doc:"the parameters of the chart, as in a URL"`
	At    bool   `json:"at,omitempty" doc:"the link may also ask for a moment gone by, with at="`
}

func (e *Embed) check(role auth.Role) error {
	switch {
	case role != auth.Viewer:
		return fmt.Errorf("role is %w: a token for embedding is a viewer's, is %q", auth.ErrInvalid, role)
	case len(e.Formats) == 0 || len(e.Formats) > maxEmbedFormats:
		return fmt.Errorf("embed.formats is %w: it must name 1 to %d formats", auth.ErrInvalid, maxEmbedFormats)
	case len(e.Query) > maxEmbedQuery:
		return fmt.Errorf("embed.query is %w: it must have at most %d bytes, has %d", auth.ErrInvalid, maxEmbedQuery, len(e.Query))
	}
	return nil
}

// Shows says whether the token is for a format.
func (e *Embed) Shows(format string) bool { return slices.Contains(e.Formats, format) }

// ErrTooOften says that a token is used more often than it may be.
var ErrTooOften = errors.New("link is asked for too often: ask again in a second, with If-None-Match")

// The pace of a token for embedding: so many at once, and then so many a second.
const (
	embedBurst = 60
	embedPace  = 5.0
)

// CheckEmbed is [Logins.CheckAPIToken] for tokens for embedding. It also returns
// [ErrTooOften].
func (l *Logins) CheckEmbed(text string, from netip.Addr) (APIToken, error) {
	t, err := l.checkToken(embedMark, text, from)
	if err != nil {
		return APIToken{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	kept := l.tokens[t.ID]
	if kept == nil { // it was ended just now
		return APIToken{}, fmt.Errorf("token is %w: it was ended", auth.ErrCredential)
	}
	kept.left = min(embedBurst, kept.left+now.Sub(kept.asked).Seconds()*embedPace)
	kept.asked = now
	if kept.left < 1 {
		return APIToken{}, ErrTooOften
	}
	kept.left--
	return t, nil
}

// mark is how a token's text begins.
func (t *APIToken) mark() string {
	if t.Embed != nil {
		return embedMark
	}
	return tokenMark
}
