// Command trouble scores the ranking of causes and the prediction of impact: on
// incidents of a real application, and on generated sites with faults whose truth
// the ranker isn't told. See docs/trouble.md.
package main

import (
	"math"
	"slices"

	"github.com/devops-trouble-map/dotm/trouble"
)

// hit is the chance that a truth is among the first k of the causes, where those of
// equal score are in random order.
func hit(causes []trouble.Cause, truth string, k int) float64 {
	score, found := 0.0, false
	for i := range causes {
		if causes[i].Component == truth {
			score, found = causes[i].Score, true
		}
	}
	if !found {
		return 0
	}
	above, equal := 0, 0
	for i := range causes {
		switch d := causes[i].Score - score; {
		case math.Abs(d) < 1e-9:
			equal++
		case d > 0:
			above++
		}
	}
	return max(0, min(1, float64(k-above)/float64(equal)))
}

// score is what comes of ranking many incidents.
type score struct {
	n            int
	first, three float64 // sums
	// said counts the first causes by strength, right those of them that are true.
	said, right [3]int
	// unsure counts where it was said that it can't be told, guessed where the first
	// was right all the same.
	unsure, guessed int
}

// strengths are the indexes of what score counts by strength.
var strengths = []trouble.Strength{trouble.Strong, trouble.Moderate, trouble.Weak}

func (s *score) add(r trouble.Ranking, truth string) {
	s.n++
	first := hit(r.Causes, truth, 1)
	s.first += first
	s.three += hit(r.Causes, truth, 3)
	sure := 0
	if first == 1 {
		sure = 1
	}
	if r.Unsure != "" {
		s.unsure++
		s.guessed += sure
	}
	if len(r.Causes) > 0 {
		i := slices.Index(strengths, r.Causes[0].Strength)
		s.said[i]++
		s.right[i] += sure
	}
}

func (s *score) join(o score) {
	s.n += o.n
	s.first += o.first
	s.three += o.three
	s.unsure += o.unsure
	s.guessed += o.guessed
	for i := range s.said {
		s.said[i] += o.said[i]
		s.right[i] += o.right[i]
	}
}

// top1 and top3 are means.
func (s *score) top1() float64 { return s.first / float64(max(1, s.n)) }
func (s *score) top3() float64 { return s.three / float64(max(1, s.n)) }
