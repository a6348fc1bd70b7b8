package replica

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var samples = [][]entry{
	nil,
	{{kind: kindUpdate, data: []byte(`{"revision":{}}`)}},
	{{kind: "report", ref: 1 << 40, data: bytes.Repeat([]byte("row"), 1000)}, {kind: kindAnswer, to: "b", ref: 7}},
}

func TestPack(t *testing.T) {
	p := newPacking()
	for _, want := range samples {
		got, err := p.unpack(p.pack(want))
		if err != nil {
			t.Fatal(err)
		}
		equal := cmp.Comparer(func(a, b entry) bool {
			return a.kind == b.kind && a.to == b.to && a.ref == b.ref && bytes.Equal(a.data, b.data)
		})
		if diff := cmp.Diff(want, got, equal); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestUnpackRefuses(t *testing.T) {
	p := newPacking()
	whole := appendField(appendField(nil, "kind"), "to")
	for name, raw := range map[string][]byte{
		"half a kind":     {9, 'k'},
		"no receiver":     appendField(nil, "kind"),
		"no number":       whole,
		"an endless size": append(append([]byte{}, whole...), 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1),
	} {
		if _, err := p.unpack(p.enc.EncodeAll(raw, nil)); !errors.Is(err, errCut) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := p.unpack([]byte("hello")); err == nil || !strings.Contains(err.Error(), "unpacking message") {
		t.Errorf("what is not compressed: %v", err)
	}
	bomb := p.enc.EncodeAll(make([]byte, maxMessage+1), nil)
	if _, err := p.unpack(bomb); err == nil {
		t.Error("a message beyond the limit is read")
	}
}

func FuzzUnpack(f *testing.F) {
	p := newPacking()
	for _, s := range samples {
		f.Add(p.pack(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		entries, err := p.unpack(raw)
		if err != nil {
			return
		}
		again, err := p.unpack(p.pack(entries))
		if err != nil || len(again) != len(entries) {
			t.Errorf("%d entries became %d, %v", len(entries), len(again), err)
		}
		for i := range entries {
			_, _ = decodeUpdate(entries[i].data)
			_ = decodeAnswer(entries[i].data)
		}
	})
}

// named is an error that the other side knows.
type named struct{ error }

func (named) Code() string { return "known" }

func TestAnswer(t *testing.T) {
	if a := decodeAnswer(encodeAnswer(answer{body: []byte("true")})); a.err != nil || string(a.body) != "true" {
		t.Errorf("%q, %v", a.body, a.err)
	}
	var remote *RemoteError
	if a := decodeAnswer(encodeAnswer(answer{err: named{errors.New("no")}})); !errors.As(a.err, &remote) || remote.Code != "known" || remote.Error() != "no" {
		t.Errorf("%v", a.err)
	}
	if a := decodeAnswer([]byte{3, 'a'}); !errors.Is(a.err, errCut) {
		t.Errorf("a cut answer: %v", a.err)
	}
}
