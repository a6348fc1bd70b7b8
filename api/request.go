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
	levels = []string{string(view.LevelService), string(view.LevelNode)}
	hides  = []string{string(view.HideOld), string(view.HideIgnored), string(view.HideInfrastructure), string(view.HideObservers)}
)

// parseRequest reads the parameters level and hide. Empty ones mean service
// and the given default.
func parseRequest(level, hide, hideDefault string) (view.Question, *huma.ErrorModel) {
	if level == "" {
		level = string(view.LevelService)
	}
	if !slices.Contains(levels, level) {
		return view.Question{}, wrongParameter("level", "must be one of "+strings.Join(levels, ", "), level)
	}
	switch hide {
	case "":
		hide = hideDefault
	case "none":
		hide = ""
	}
	if hide == "" {
		return view.Question{Level: view.Level(level)}, nil
	}
	var list []view.Hide
	for h := range strings.SplitSeq(hide, ",") {
		if !slices.Contains(hides, h) {
			return view.Question{}, wrongParameter("hide", "must be none or a list of "+strings.Join(hides, ", "), h)
		}
		list = append(list, view.Hide(h))
	}
	return view.Question{Level: view.Level(level), Hide: view.HideAll(list...)}, nil
}

// wrongParameter is the problem of one query parameter.
func wrongParameter(name, rule, value string) *huma.ErrorModel {
	return &huma.ErrorModel{
		Title: http.StatusText(http.StatusUnprocessableEntity), Status: http.StatusUnprocessableEntity,
		Detail: fmt.Sprintf("%s %s, is %s", name, rule, quoteShort(value)),
		Errors: []*huma.ErrorDetail{{Message: rule, Location: "query." + name, Value: value}},
	}
}
