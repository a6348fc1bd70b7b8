package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		list []int
		q    float64
		want int
	}{
		{[]int{7}, .5, 7},
		{[]int{7}, 0, 7},
		{[]int{4, 1, 3, 2}, .5, 2},
		{[]int{4, 1, 3, 2, 5}, .5, 3},
		{[]int{4, 1, 3, 2, 5}, 1, 5},
		{[]int{20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}, .95, 19},
	} {
		if got := quantile(c.list, c.q); got != c.want {
			t.Errorf("%v of %v is %d, want %d", c.q, c.list, got, c.want)
		}
	}
}

func TestMillis(t *testing.T) {
	if got := millis(1234567 * time.Nanosecond); got != 1.2 {
		t.Errorf("got %v, want 1.2", got)
	}
}

func TestPortOf(t *testing.T) {
	for address, want := range map[string]int{"10.78.0.12:10000": 10000, "[fd78::1]:80": 80, "10.78.0.12": 0} {
		if got := portOf(address); got != want {
			t.Errorf("%s: %d, want %d", address, got, want)
		}
	}
}

// What one host says is made another's word without a trace of the first.
func TestAnother(t *testing.T) {
	sample := `{"node":{"name":"web1","identity":{"kind":"machine","value":"abc"}},"agent":{"instance":"def"},"interfaces":["10.78.0.11/16"]}` +
		"\nhostname=web1\ntcp 0 0 10.78.0.11:40000 10.78.0.12:10000 ESTABLISHED\n"
	a, b := string(another([]byte(sample), 3)), string(another([]byte(sample), 203))
	for _, own := range []string{"10.78.0.11", `"web1"`, "=web1", `"abc"`, `"def"`} {
		if strings.Contains(a, own) {
			t.Errorf("%s is left in %s", own, a)
		}
	}
	for _, want := range []string{`"name":"node3"`, "hostname=node3", "10.78.1.4/16", "10.78.1.4:40000 10.78.0.12:10000"} {
		if !strings.Contains(a, want) {
			t.Errorf("%s is not in %s", want, a)
		}
	}
	if !strings.Contains(b, "10.78.2.4/16") {
		t.Errorf("node 203 has another's address: %s", b)
	}
}

func TestHearAll(t *testing.T) {
	stream := "id: a-1\nevent: snapshot\ndata: {\"revision\":\"a-1\"}\n\n" +
		"id: a-2\nevent: delta\ndata: {\"nodes\":[{\"name\":\"web1\"}],\"connections\":[{\"client\":{\"node\":\"web1\"},\"server\":{\"node\":\"db1\",\"port\":80}}]}\n\n" +
		"id: a-2\nevent: beat\ndata: {\"nodes\":[{\"name\":\"no\"}]}\n\n"
	var heard []*news
	hearAll(strings.NewReader(stream), func(_ time.Time, n *news) { heard = append(heard, n) })
	if len(heard) != 1 || heard[0].Nodes[0].Name != "web1" || heard[0].Connections[0].Server.Port != 80 {
		text, _ := json.Marshal(heard)
		t.Errorf("heard %s, want the delta alone", text)
	}
}

// The first sight of an edge counts, and only from the client that is measured.
func TestSightings(t *testing.T) {
	s, begin := &sightings{at: map[int]time.Time{}}, time.Unix(1000, 0)
	edge := func(node string, port int) *news {
		var c connection
		c.Client.Node, c.Server.Port = node, port
		return &news{Connections: []connection{c}}
	}
	s.hear(begin.Add(1*time.Second), edge("10.78.0.11", 80))
	s.hear(begin.Add(2*time.Second), edge("web1", 80))
	s.hear(begin.Add(3*time.Second), edge("web1", 80))
	took, err := s.since(t.Context(), &server{}, []time.Time{begin}, []string{"10.78.0.12:80"})
	if err != nil || took[0] != 2*time.Second {
		t.Errorf("took %v, %v, want 2s", took, err)
	}
}

func TestUnpacked(t *testing.T) {
	packed, err := pack([]byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range [][]byte{packed, []byte("text")} {
		if got, err := unpacked(body); err != nil || string(got) != "text" {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if _, err := unpacked(packed[:12]); err == nil {
		t.Error("half a packed body is no error")
	}
}

func TestSizeOf(t *testing.T) {
	got := sizeOf("beat", []delivery{{plain: make([]byte, 10), packed: 4}, {plain: make([]byte, 30), packed: 10}})
	if want := (size{What: "beat", Count: 2, Plain: 20, Packed: 7, Largest: 10}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Deliveries count if nothing of another kind lies between them.
func TestFollowing(t *testing.T) {
	for all, want := range map[string]string{"": "", "b": "b", "bwbb": "bb", "bbw": "bb", "bwb": "b", "bbb": "bb", "w": ""} {
		var list []delivery
		for _, kind := range all {
			list = append(list, delivery{kind: string(kind)})
		}
		var got strings.Builder
		for _, d := range following(list, "b", 2) {
			got.WriteString(d.kind)
		}
		if got.String() != want {
			t.Errorf("%q: got %q, want %q", all, got.String(), want)
		}
	}
}

// The tap keeps what the server takes, and nothing else.
func TestTap(t *testing.T) {
	l := &tap{}
	for _, status := range []int{http.StatusNoContent, http.StatusConflict} {
		r := httptest.NewRequest(http.MethodPost, "/api/v1/reports", strings.NewReader("a beat"))
		r.Header.Set("Content-Type", "kind")
		var got string
		server := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			got = string(body)
			w.WriteHeader(status)
		})
		w := httptest.NewRecorder()
		l.pass(server, w, r)
		if got != "a beat" || w.Code != status {
			t.Errorf("the server got %q, the agent %d, want %d", got, w.Code, status)
		}
	}
	if len(l.deliveries) != 1 || l.deliveries[0].kind != "kind" || l.deliveries[0].packed != 6 {
		t.Errorf("kept %+v", l.deliveries)
	}
}

func TestParse(t *testing.T) {
	for _, args := range [][]string{{"-only", "speed"}, {"-trials", "0"}, {"-away", "0s"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
	o, err := parse([]string{"-only", "bytes,away"})
	if err != nil || len(o.parts) != 2 {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestText(t *testing.T) {
	d := document{
		Interval: "10s", Latency: []latency{{true, 40, 212, 833, 944}, {false, 40, 5037, 9632, 9749}},
		Sizes:   []size{{"100 services", 100, 100, "report", 1, 21959, 2322, 2322}},
		Through: []through{{Way: "text", Reports: 20, Bytes: 101949, Chart: 254.7, P95: 466.4, CPU: 108.3}},
		Away:    &away{Span: "1m0s", There: .0017, Away: .0016, Back: 29.1, Visits: 600, Counted: 600},
	}
	for _, want := range []string{"with eBPF", "without", "5037", "2322", "254.7", "0.17 %", "600 of 600"} {
		if !strings.Contains(d.text(), want) {
			t.Errorf("%q is not in\n%s", want, d.text())
		}
	}
	if text := (&document{}).text(); text != "" {
		t.Errorf("nothing measured reads %q", text)
	}
}

func TestPause(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if pause(ctx, time.Hour) == nil {
		t.Error("an end is not noticed")
	}
	if err := pause(t.Context(), 1); err != nil {
		t.Error(err)
	}
}
