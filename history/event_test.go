package history

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/topology"
)

func TestEvent(t *testing.T) {
	events := []topology.Event{
		{At: noon},
		{At: noon, Revision: "e-1", Kind: topology.Appeared, Subject: topology.SubjectConnection, ID: "0123456789abcdef", Node: "web", Process: "nginx", Peer: "web", Port: 65535},
		{At: noon, Revision: "e-1", Kind: topology.Changed, Subject: topology.SubjectNode, ID: "web", Node: "web", What: []string{"state", "agent", "state"}},
	}
	for seed := range uint64(10) { // every field, also with words that are not listed
		var e topology.Event
		filler{rand.New(rand.NewPCG(seed, 3))}.fill(reflect.ValueOf(&e).Elem())
		e.Holder = ""
		events = append(events, e)
	}
	for _, e := range events {
		raw := EncodeEvent(&e)
		got, err := DecodeEvent(raw, e.At)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, got); diff != "" {
			t.Errorf("(-written +read):\n%s", diff)
		}
		for i := range raw {
			_, _ = DecodeEvent(raw[:i], e.At) // must not crash
		}
	}
	if n := len(EncodeEvent(&events[1])); n > 45 {
		t.Errorf("a typical event takes %d bytes", n)
	}
}

func TestEventRefuses(t *testing.T) {
	for _, tt := range []struct{ raw, want string }{
		{"", "cut or damaged"},
		{"\x07", "version 7"},
		{"\x01\x01\x09", "cut or damaged"},
		{"\x00", "version 0"},
		{`{"at":1}`, "version 123"},
	} {
		if _, err := DecodeEvent([]byte(tt.raw), noon); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v", tt.raw, err)
		}
	}
}

// TestEarlierEvents reads events as earlier versions wrote them.
func TestEarlierEvents(t *testing.T) {
	plain := topology.Event{At: noon, Revision: "e-1", Kind: topology.Changed, Subject: topology.SubjectNode, ID: "web", Node: "web", What: []string{"state"}}
	check := topology.Event{At: noon, Revision: "e-1", Kind: topology.Changed, Subject: topology.SubjectCheck, ID: "abc", Node: "web", What: []string{"status"}}
	check.Check = &topology.CheckEvent{Source: "nagios", Host: "web", Name: "disk", Was: topology.OK, Status: topology.Critical}
	for raw, want := range map[string]topology.Event{
		"\x01\ae-1\x03\x01\aweb\x02\x01\x04\x00\x01\vstate":                                               plain,
		"\x02\ae-1\x03\x01\aweb\x02\x01\x04\x00\x01\vstate\x00":                                           plain,
		"\x02\ae-1\x03\x04\aabc\aweb\x01\x06\x00\x01\rstatus\x01\rnagios\x04\tdisk\x06\x05OK\x11CRITICAL": check,
	} {
		got, err := DecodeEvent([]byte(raw), noon)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", raw, err, diff)
		}
	}
}

func FuzzDecodeEvent(f *testing.F) {
	f.Add(EncodeEvent(&topology.Event{Kind: topology.Changed, Subject: topology.SubjectNode, ID: "web", What: []string{"state"}}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := DecodeEvent(raw, noon)
		if err != nil {
			return
		}
		if again, err := DecodeEvent(EncodeEvent(&e), noon); err != nil || !cmp.Equal(e, again) {
			t.Errorf("%+v became %+v, %v", e, again, err)
		}
	})
}
