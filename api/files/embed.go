package files

import (
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/api/problem"
	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/export"
)

// embedCache lets a browser show the picture again without asking for so long; then it asks
// with the revision that it has.
const embedCache = "private, max-age=30, must-revalidate"

// Embeddable judges what a link shall ask, and writes it in a fixed order.
func Embeddable(formats []string, query string) (string, error) {
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
	p := read.ChartParams{Params: read.Params{Level: q.Get("level"), Expand: q.Get("expand"), Hide: q.Get("hide"), At: q.Get("at")}, Near: *read.NearOf(q)}
	if _, wrong := p.Question(); wrong != nil {
		return "", wrong
	}
	return q.Encode(), nil
}

// chartWords are the parameters by which a chart is asked for.
var chartWords = []string{"level", "expand", "hide", "at", "focus", "hops", "trouble", "group", "process", "name", "text", "incident"}

func wrongEmbed(rule, value string) error {
	return huma.Error422UnprocessableEntity("embed.query "+rule+", is "+problem.Quote(value),
		&huma.ErrorDetail{Message: rule, Location: "body.embed.query", Value: value})
}
