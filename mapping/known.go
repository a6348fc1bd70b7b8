package mapping

import (
	"iter"
	"slices"

	"github.com/devops-trouble-map/dotm/mapping/lexicon"
)

// byKinds looks for the software that the check's name or command means, then for
// what goes by a name that stands in it; words that say little come last.
func (q *query) byKinds() (Place, bool) {
	if q.node == "" || q.closed {
		return Place{}, false
	}
	for _, vague := range []bool{false, true} {
		for i := range q.subject.Kinds {
			if mention := &q.subject.Kinds[i]; mention.Kind.Is(lexicon.Vague) == vague {
				if p, ok := q.byKind(mention.Kind, mention.Word); ok {
					return p, true
				}
			}
		}
		if vague {
			break
		}
		if p, ok := q.byTitles(); ok {
			return p, true
		}
	}
	return q.byExporter()
}

func (q *query) byKind(k *lexicon.Kind, word string) (Place, bool) {
	v := q.inventory(q.node)
	items := q.ofKind(k, v.Items)
	if len(items) == 0 {
		items = q.ofKind(k, v.Inside)
	}
	return q.decide(items, reason{rule: ruleKnown, form: meaningKind, word: word, title: k.Title})
}

// ofKind are the items of a kind: those whose names say so, and those on its usual
// ports of which nothing else is known.
func (q *query) ofKind(k *lexicon.Kind, items []item) []item {
	out := q.scratch[:0]
	for i := range items {
		it := &items[i]
		_, usual := k.Rank(it.Protocol, it.At)
		if k.Is(lexicon.Encrypted) && it.At == 80 {
			continue
		}
		if k.Covers(it.Kind) || usual && q.free(k, it) {
			out = append(out, *it)
		}
	}
	q.scratch = out
	return out
}

// free says whether what listens on a usual port of a kind may be of it. On a port
// that other software likes too, it is not if its name is known.
func (q *query) free(k *lexicon.Kind, it *item) bool {
	words := q.rules.words
	unknown := it.Kind == nil || it.Kind.ID == "nodejs" // a runtime, which anything may be
	if k.Is(lexicon.Shared) {
		return unknown && (it.Process == "" || words.Runtime(it.Process))
	}
	return unknown || k.Of == it.Kind.ID || words.Proxy(it.Process)
}

// titles yields what the check's name may call an item: its tokens, and several of
// them together, the longest first.
func (q *query) titles() iter.Seq[string] {
	const most = 6
	return func(yield func(string) bool) {
		tokens := q.subject.Tokens
		for n := min(most, len(tokens)); n > 0; n-- {
			for i := 0; i+n <= len(tokens); i++ {
				if slices.ContainsFunc(tokens[i:i+n], func(t lexicon.Token) bool { return t.Path }) || tokens[i].Digits {
					continue
				}
				title := lexicon.Join(tokens[i : i+n])
				if (n == len(tokens) && len(title) > 1 || len(title) > 2 && q.rules.words.Names(title)) && !yield(title) {
					return
				}
			}
		}
	}
}

// byTitles looks for what goes by a name that stands in the check's.
func (q *query) byTitles() (Place, bool) {
	if !q.subject.Odd && len(q.subject.Kinds) == 0 {
		return Place{}, false
	}
	v := q.inventory(q.node)
	for title := range q.titles() {
		if items := v.Called(title); len(items) > 0 {
			return q.decide(items, reason{rule: ruleName, form: goingBy, word: title})
		}
	}
	return Place{}, false
}

// byExporter goes by what the exporter measures that the check asks; not if it says
// that the exporter itself, or its host, is silent.
func (q *query) byExporter() (Place, bool) {
	if q.subject.Strong {
		return Place{}, false
	}
	for i := range q.check.Hints {
		h := &q.check.Hints[i]
		k := q.rules.words.Exported(h.Port)
		if k == nil {
			continue
		}
		if node, known := q.addressed(h.Address); !known || node != q.node {
			continue
		}
		v := q.inventory(q.node)
		p, ok := q.decide(usual(k, q.ofKind(k, v.Items)), reason{rule: ruleKnown, form: measured, word: hinted(h), title: k.Title})
		if ok {
			return p, true
		}
	}
	return Place{}, false
}

// byWholeHost puts a check on the node because that is what it is about. What is
// called exactly as the check goes before.
func (q *query) byWholeHost() (Place, bool) {
	word := q.subject.Whole
	if q.node == "" || word == "" || q.closed && !q.subject.Strong {
		return Place{}, false
	}
	if q.subject.Odd {
		whole := lexicon.Join(q.subject.Tokens)
		if items := q.inventory(q.node).Called(whole); len(items) > 0 {
			return q.decide(items, reason{rule: ruleName, form: goingBy, word: whole})
		}
	}
	return Place{Node: q.node, Mapping: q.said(saying{reason: reason{rule: ruleHost, form: wholly, word: word}})}, true
}
