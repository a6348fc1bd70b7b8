package read

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/api/problem"
	"github.com/devops-trouble-map/dotm/view"
)

// HideDefault is what the chart leaves out unless asked.
const HideDefault = "ignored,infrastructure,observers"

// levels and hides are what the parameters may say.
var (
	levels = []string{string(view.LevelService), string(view.LevelNode), string(view.LevelPool), string(view.LevelGroup)}
	hides  = []string{string(view.HideOld), string(view.HideIgnored), string(view.HideInfrastructure), string(view.HideObservers)}
)

// Parse reads the parameters level, hide and expand. Empty ones mean service,
// the given default, and nothing.
func Parse(level, hide, expand, hideDefault string) (view.Question, *huma.ErrorModel) {
	if level == "" {
		level = string(view.LevelService)
	}
	if !slices.Contains(levels, level) {
		return view.Question{}, problem.Parameter("level", "must be one of "+strings.Join(levels, ", "), level)
	}
	q := view.Question{Level: view.Level(level)}
	if expand != "" {
		pools := strings.Split(expand, ",")
		if q.Level != view.LevelPool || len(pools) > maxExpanded {
			return q, problem.Parameter("expand", fmt.Sprintf("must be a list of at most %d pools, on level pool", maxExpanded), expand)
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
			return view.Question{}, problem.Parameter("hide", "must be none or a list of "+strings.Join(hides, ", "), h)
		}
		list = append(list, view.Hide(h))
	}
	q.Hide = view.HideAll(list...)
	return q, nil
}

// maxExpanded is how many pools one chart shows as their nodes.
const maxExpanded = 100

// Question is what a chart is asked: which, and which part of it.
type Question struct {
	view.Question
	view.Filter
}

// ChartParams say which chart is asked for.
type ChartParams struct {
	Params
	Near
	Codings string `header:"Accept-Encoding" hidden:"true"`
}

// Question reads them.
func (p *ChartParams) Question() (q Question, wrong *huma.ErrorModel) {
	if q.Question, wrong = Parse(p.Level, p.Hide, p.Expand, HideDefault); wrong != nil {
		return q, wrong
	}
	q.Filter, wrong = p.Filter()
	return q, wrong
}

// Near narrow a chart to a part of it, by the rule and in the words of the page's filter.
type Near struct {
	Focus   string `query:"focus" maxLength:"600" doc:"a node, pool, group or service, by name or id: only what is within some hops of it is shown, at the places of the whole chart"`
	Hops    string `query:"hops" doc:"how many connections away from the focus, or from trouble, 1 (default) to 4; 0 is the focus alone, such as a group"`
	Trouble string `query:"trouble" doc:"true: only what is in trouble, and what is within some hops of it"`
	Group   string `query:"group" maxLength:"600" doc:"only what is of this group, by its id"`
	Process string `query:"process" maxLength:"600" doc:"only where a process of this name runs"`
	Name    string `query:"name" maxLength:"600" doc:"only nodes with this in their name or address"`
	Text    string `query:"text" maxLength:"600" doc:"only where all of these words are found: names, addresses, ports, processes, units, groups"`
}

// maxNear is how long each of them may be, in bytes.
const maxNear = 600

// NearOf reads them from a query.
func NearOf(q url.Values) *Near {
	return &Near{q.Get("focus"), q.Get("hops"), q.Get("trouble"), q.Get("group"), q.Get("process"), q.Get("name"), q.Get("text")}
}

// Filter reads them; without a focus or trouble there are no hops.
func (n *Near) Filter() (f view.Filter, wrong *huma.ErrorModel) {
	for _, p := range [][2]string{{"focus", n.Focus}, {"group", n.Group}, {"process", n.Process}, {"name", n.Name}, {"text", n.Text}} {
		if len(p[1]) > maxNear {
			return f, problem.Parameter(p[0], "must have at most "+strconv.Itoa(maxNear)+" bytes", p[1])
		}
	}
	f = view.Filter{Group: n.Group, Process: n.Process, Name: strings.TrimSpace(n.Name), Text: strings.Join(strings.Fields(n.Text), " ")}
	switch n.Trouble {
	case "", "false":
	case "true":
		f.Trouble = true
	default:
		return f, problem.Parameter("trouble", "must be true or false", n.Trouble)
	}
	f.Focus = n.Focus
	if !f.Reaches() {
		if n.Hops != "" {
			return f, problem.Parameter("hops", "needs a focus, or trouble", n.Hops)
		}
		return f, nil
	}
	f.Hops = 1
	if n.Hops != "" {
		var err error
		if f.Hops, err = strconv.Atoi(n.Hops); err != nil || f.Hops < 0 || f.Hops > view.MaxHops {
			return f, problem.Parameter("hops", "must be a number from 0 to "+strconv.Itoa(view.MaxHops), n.Hops)
		}
	}
	return f, nil
}

// NoFocus is the problem of a focus that the chart doesn't show.
func NoFocus(focus string) *huma.ErrorModel {
	return problem.Parameter("focus", "must be a node, pool, group or service that the chart shows", focus)
}
