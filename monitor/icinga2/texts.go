package icinga2

import (
	"slices"

	"github.com/devops-trouble-map/dotm/monitor"
)

// texts are names, lists of names and outputs as they were read before: of two readings
// that follow each other most are the same. A nil one remembers nothing.
type texts struct {
	all   monitor.Texts
	lists map[string][]string // by how they are written; sorted, and never written again
}

// maxLists is how many lists are remembered.
const maxLists = 10_000

func newTexts() *texts { return &texts{lists: map[string][]string{}} }

// turn begins a reading.
func (t *texts) turn() { t.all.Turn() }

func (t *texts) text(v monitor.Value) (string, error) {
	if t == nil {
		return v.Text()
	}
	return t.all.Text(v)
}

// name is a text as names are kept.
func (t *texts) name(v monitor.Value) (string, error) {
	s, err := t.text(v)
	return clean(s), err
}

// names is a list of them, sorted.
func (t *texts) names(v monitor.Value) (list []string, err error) {
	if t != nil {
		if list, ok := t.lists[string(v)]; ok {
			return list, nil
		}
	}
	err = v.Elements(func(one monitor.Value) error {
		name, err := t.name(one)
		list = append(list, name)
		return err
	})
	slices.Sort(list)
	if t == nil || err != nil {
		return list, err
	}
	if len(t.lists) >= maxLists {
		clear(t.lists)
	}
	t.lists[string(v)] = list
	return list, nil
}
