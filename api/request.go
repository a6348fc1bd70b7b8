package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/view"
)

// HideDefault is what the chart leaves out unless asked.
const HideDefault = "ignored,infrastructure,observers"

// levels and hides are what the parameters may say.
var (
	levels = []string{string(view.LevelService), string(view.LevelNode), string(view.LevelPool), string(view.LevelGroup)}
	hides  = []string{string(view.HideOld), string(view.HideIgnored), string(view.HideInfrastructure), string(view.HideObservers)}
)

// parseRequest reads the parameters level, hide and expand. Empty ones mean service,
// the given default, and nothing.
func parseRequest(level, hide, expand, hideDefault string) (view.Question, *huma.ErrorModel) {
	if level == "" {
		level = string(view.LevelService)
	}
	if !slices.Contains(levels, level) {
		return view.Question{}, wrongParameter("level", "must be one of "+strings.Join(levels, ", "), level)
	}
	q := view.Question{Level: view.Level(level)}
	if expand != "" {
		pools := strings.Split(expand, ",")
		if q.Level != view.LevelPool || len(pools) > maxExpanded {
			return q, wrongParameter("expand", fmt.Sprintf("must be a list of at most %d pools, on level pool", maxExpanded), expand)
		}
		q.Expand = view.ExpandAll(pools...)
	}
	switch hide {
	case "":
		hide = hideDefault
	case "none":
		hide = ""
	}
	if hide == "" {
		return q, nil
	}
	var list []view.Hide
	for h := range strings.SplitSeq(hide, ",") {
		if !slices.Contains(hides, h) {
			return view.Question{}, wrongParameter("hide", "must be none or a list of "+strings.Join(hides, ", "), h)
		}
		list = append(list, view.Hide(h))
	}
	q.Hide = view.HideAll(list...)
	return q, nil
}

// maxExpanded is how many pools one chart shows as their nodes.
const maxExpanded = 100

// wrongItem is the problem of one field of an entry of a list.
func wrongItem(i int, name, rule, value string) *huma.ErrorModel {
	where := fmt.Sprintf("checks[%d].%s", i, name)
	return &huma.ErrorModel{
		Title: http.StatusText(http.StatusUnprocessableEntity), Status: http.StatusUnprocessableEntity,
		Detail: fmt.Sprintf("%s %s, is %s", where, rule, quoteShort(value)),
		Errors: []*huma.ErrorDetail{{Message: rule, Location: "body." + where, Value: value}},
	}
}

// wrongParameter is the problem of one query parameter.
func wrongParameter(name, rule, value string) *huma.ErrorModel {
	return &huma.ErrorModel{
		Title: http.StatusText(http.StatusUnprocessableEntity), Status: http.StatusUnprocessableEntity,
		Detail: fmt.Sprintf("%s %s, is %s", name, rule, quoteShort(value)),
		Errors: []*huma.ErrorDetail{{Message: rule, Location: "query." + name, Value: value}},
	}
}
