package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// HideDefault is what the chart leaves out unless asked.
const HideDefault = "ignored,infrastructure,observers"

// levels and hides are what the parameters may say.
var (
	levels = []string{string(LevelService), string(LevelNode)}
	hides  = []string{string(HideOld), string(HideIgnored), string(HideInfrastructure), string(HideObservers)}
)

// parseRequest reads the parameters level and hide. Empty ones mean service
// and the given default.
func parseRequest(level, hide, hideDefault string) (request, *huma.ErrorModel) {
	if level == "" {
		level = string(LevelService)
	}
	if !slices.Contains(levels, level) {
		return request{}, wrongParameter("level", "must be one of "+strings.Join(levels, ", "), level)
	}
	switch hide {
	case "":
		hide = hideDefault
	case "none":
		hide = ""
	}
	if hide == "" {
		return request{Level(level), ""}, nil
	}
	list := strings.Split(hide, ",")
	for _, h := range list {
		if !slices.Contains(hides, h) {
			return request{}, wrongParameter("hide", "must be none or a list of "+strings.Join(hides, ", "), h)
		}
	}
	slices.Sort(list)
	return request{Level(level), strings.Join(slices.Compact(list), ",")}, nil
}

// wrongParameter is the problem of one query parameter.
func wrongParameter(name, rule, value string) *huma.ErrorModel {
	return &huma.ErrorModel{
		Title: http.StatusText(http.StatusUnprocessableEntity), Status: http.StatusUnprocessableEntity,
		Detail: fmt.Sprintf("%s %s, is %s", name, rule, quoteShort(value)),
		Errors: []*huma.ErrorDetail{{Message: rule, Location: "query." + name, Value: value}},
	}
}
