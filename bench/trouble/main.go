package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/devops-trouble-map/dotm/trouble"
	"github.com/devops-trouble-map/dotm/trouble/casefile"
)

func main() {
	dir := flag.String("petshop", "bench/trouble/testdata/petshop", "folder with the real incidents")
	seed := flag.Uint64("seed", 1, "seed of the generated sites")
	n := flag.Int("n", 100, "generated incidents of each fault")
	flag.Parse()
	if err := report(os.Stdout, *dir, *seed, *n); err != nil {
		fmt.Fprintln(os.Stderr, "bench/trouble:", err)
		os.Exit(1)
	}
}

// report scores everything and prints tables.
func report(out io.Writer, dir string, seed uint64, n int) error {
	r, err := loadReal(dir)
	if err != nil {
		return err
	}
	p := &printer{out: out}
	if err := p.real(r); err != nil {
		return err
	}
	lists := map[fault][]told{}
	for _, f := range faults {
		if lists[f], err = generate(seed, f, n, usual); err != nil {
			return err
		}
	}
	if err := p.generated(lists); err != nil {
		return err
	}
	figures, err := scoreMeasured(trouble.NewRanker(), seed, 3*n)
	if err != nil {
		return err
	}
	p.say("\n| figures only | incidents | top-1 | top-3 %s |\n|---|---|---|---|---|---|---|---|", said)
	p.score("all", figures)
	if err := p.ablation(r, lists, seed, n); err != nil {
		return err
	}
	return p.err
}

// said heads the columns of what was said of the first cause, and how often it was
// right.
const said = "| strong: right of said | moderate | weak | can't tell: first was right"

// printer prints, and keeps the first error.
type printer struct {
	out io.Writer
	err error
}

func (p *printer) say(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format+"\n", args...)
	}
}

func (p *printer) score(name string, s score) {
	p.say("| %s %s |", name, columns(&s))
}

// real prints how the real incidents are ranked.
func (p *printer) real(r *real) error {
	ranker := trouble.NewRanker()
	p.say("| PetShop | incidents | top-1 | top-3 %s |\n|---|---|---|---|---|---|---|---|", said)
	p.score("all", r.score(ranker, nil))
	for _, s := range scenarios {
		p.score(s, r.score(ranker, func(c *casefile.Case) bool { return c.Scenario == s }))
	}
	for _, m := range []string{"latency", "availability"} {
		p.score(m, r.score(ranker, func(c *casefile.Case) bool { return c.Metric == m }))
	}
	t := r.try()
	p.score("weights of the other scenario", t.crossValidate(func(c *casefile.Case) string { return c.Scenario }))
	p.score("weights of the other causes", t.crossValidate(func(c *casefile.Case) string { return c.Truth }))
	lo, hi := t.ends()
	p.score("the worst weights of the grid", lo)
	p.score("the best weights of the grid", hi)
	shuffled, err := r.shuffled(ranker, 100)
	if err != nil {
		return err
	}
	p.score("shuffled graph, 100 times", shuffled)
	return nil
}

// generated prints how the generated incidents are ranked and predicted.
func (p *printer) generated(lists map[fault][]told) error {
	ranker := trouble.NewRanker()
	p.say("\n| generated | incidents | top-1 | top-3 %s | impact: precision | recall |", said)
	p.say("|---|---|---|---|---|---|---|---|---|---|")
	all := sum{kind: "single faults but the flood"}
	for _, f := range faults {
		s, err := sumUp(ranker, lists[f])
		if err != nil {
			return err
		}
		p.sum(s)
		if f == twoAtOnce {
			p.say("| both of two at once | %d | first two %.3f | first three %.3f |", s.both.n, s.both.top1(), s.both.top3())
		}
		if f.counts() {
			all.join(s)
		}
	}
	p.sum(all)
	return nil
}

func (s *sum) join(o sum) {
	s.cause.join(o.cause)
	s.impact.join(o.impact)
}

func (p *printer) sum(s sum) {
	effect := "| | |"
	if s.impact.hits > 0 {
		effect = fmt.Sprintf("| %.3f | %.3f |", s.impact.precision(), s.impact.recall())
	}
	p.say("| %s %s %s", s.kind, columns(&s.cause), effect)
}

// columns are the cells of a score.
func columns(s *score) string {
	cells := make([]string, 0, 7)
	cells = append(cells, strconv.Itoa(s.n), fmt.Sprintf("%.3f", s.top1()), fmt.Sprintf("%.3f", s.top3()))
	for i := range s.said {
		cells = append(cells, fmt.Sprintf("%d of %d", s.right[i], s.said[i]))
	}
	cells = append(cells, fmt.Sprintf("%d of %d", s.guessed, s.unsure))
	return "| " + strings.Join(cells, " | ")
}

// ablation prints what is left without each rule.
func (p *printer) ablation(r *real, lists map[fault][]told, seed uint64, n int) error {
	p.say("\n| rules | PetShop top-1 | top-3 | figures only top-1 | top-3 | generated top-1 | top-3 |\n|---|---|---|---|---|---|---|")
	line := func(name string, ranker *trouble.Ranker) error {
		pet := r.score(ranker, nil)
		figures, err := scoreMeasured(ranker, seed, 3*n)
		if err != nil {
			return err
		}
		made, err := singles(ranker, lists)
		p.say("| %s | %.3f | %.3f | %.3f | %.3f | %.3f | %.3f |", name, pet.top1(), pet.top3(), figures.top1(), figures.top3(), made.top1(), made.top3())
		return err
	}
	if err := line("all", trouble.NewRanker()); err != nil {
		return err
	}
	for _, rule := range trouble.Rules() {
		ranker := trouble.NewRanker()
		ranker.Without = []trouble.Rule{rule}
		if err := line("without "+string(rule), ranker); err != nil {
			return err
		}
	}
	return nil
}

// singles scores all incidents of a single fault.
func singles(ranker *trouble.Ranker, lists map[fault][]told) (score, error) {
	var all score
	for _, f := range faults {
		if !f.counts() {
			continue
		}
		s, err := sumUp(ranker, lists[f])
		if err != nil {
			return all, err
		}
		all.join(s.cause)
	}
	return all, nil
}
