package alertmanager

import (
	"bytes"
	"os"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/devops-trouble-map/dotm/monitor"
)

// FuzzAnswers: whatever Alertmanager, or who stands before it, answers to the three
// questions, it is read or refused, and what is read of alerts has names and an order.
func FuzzAnswers(f *testing.F) {
	for _, file := range []string{"status.json", "alerts.json", "silences.json"} {
		raw, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`[{"labels":{"alertname":"x","instance":"[::1]:9100"},"fingerprint":"a","status":{"silencedBy":["1"]}}]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, _ = parseStatus(bytes.NewReader(raw))
		who := map[string]string{"1": ""}
		j := monitor.NewJSON(bytes.NewReader(raw))
		_ = j.Array(func() error { return silence(j, who) })
		rules := DefaultRules()
		list, err := parseAlerts(bytes.NewReader(raw), rules.slim)
		if err != nil {
			return
		}
		reading := &monitor.Reading{}
		kept := rules.seen(reading, slices.Clone(list))
		names := rules.name(kept, nil)
		for i := range kept {
			c := rules.check(&kept[i], names[kept[i].Fingerprint], "", who)
			if c.Host == "" && c.Name == "" || !utf8.ValidString(c.Host+c.Name+c.Output) || !c.Status.Bad() {
				t.Errorf("%+v", c)
			}
		}
		if len(rules.hosts(kept)) > len(kept) {
			t.Error("more hosts than alerts")
		}
	})
}
