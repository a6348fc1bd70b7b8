package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/devops-trouble-map/dotm/audit"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/bolt"
	"github.com/devops-trouble-map/dotm/topology"
)

// Golden archives are never made anew for a change of the code: each is what a
// release wrote, and every later one must read it.
var update = flag.Bool("update", false, "write the golden archive of this format, when its version has changed")

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// golden is of the format of now, before is of the one before it.
const (
	golden = "testdata/v2.dotm"
	before = "testdata/v1.dotm"
)

// site is something of everything.
func site() store.Change {
	ageing := topology.Duration(90 * time.Second)
	return store.Change{
		Revision: topology.Revision{Epoch: "k3f9zq", Number: 42}, Settings: &store.Patch{Ageing: &ageing}, Alive: noon,
		Put:     []*topology.Block{{Node: topology.Node{Name: "web1", Kind: topology.Host, FirstSeen: noon}}, {Node: topology.Node{Name: "shop/cache"}}},
		Keep:    []store.Document{{Kind: "user", Key: "anna", Value: []byte("{}")}},
		Append:  []topology.Event{{At: noon, ID: "1", Revision: "k3f9zq-41", Node: "web1"}, {At: noon, ID: "2", Revision: "k3f9zq-42", Node: "web1"}},
		Records: []store.Record{{Node: "web1", At: noon, Data: []byte("whole")}, {Node: "web1", At: noon.Add(time.Minute), Base: noon, Data: []byte("patch")}},
		Uses:    []store.Use{{Service: "web1~tcp~80", Connection: "c", First: noon, Last: noon}},
		Audit:   []audit.Entry{{At: noon, Kind: audit.User, Who: "anna", What: "login", Result: audit.Done}},
		Gaps:    []store.Gap{{Node: "web1", From: noon, To: noon.Add(time.Minute), Why: "silent"}, {From: noon, Why: "no server ran"}},
	}
}

func open(t testing.TB) *bolt.Store {
	t.Helper()
	s, err := bolt.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func dump(t testing.TB, s store.Store) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := store.Dump(context.Background(), s, &out, store.Made{At: noon, By: "1.0.0"}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func check(raw []byte) (store.Contents, error) {
	return store.CheckArchive(context.Background(), bytes.NewReader(raw))
}

func unpack(t testing.TB, raw []byte) []byte {
	t.Helper()
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	text, err := z.DecodeAll(raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func pack(t testing.TB, text string) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close() //nolint:errcheck // it writes nowhere
	return z.EncodeAll([]byte(text), nil)
}

// ended adds the last line to lines, so that only they can be wrong.
func ended(lines string) string {
	sum := sha256.Sum256([]byte(lines))
	return lines + fmt.Sprintf("{\"end\":{\"lines\":%d,\"sha256\":%q}}\n", strings.Count(lines, "\n"), hex.EncodeToString(sum[:]))
}

const (
	head  = `{"dotm_archive":{"format":2,"made":"2026-03-01T12:00:00Z"}}` + "\n"
	state = `{"state":{"revision":"e-1","settings":{},"alive":"2026-03-01T12:00:00Z"}}` + "\n"
)

// TestGoldenArchive reads the archive that is kept beside this file, restores it,
// and finds the same in a dump of that.
func TestGoldenArchive(t *testing.T) {
	if *update {
		s := open(t)
		if err := s.Write(t.Context(), site()); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, dump(t, s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, entries := range map[string]int64{golden: 1, before: 0} {
		t.Run(name, func(t *testing.T) { testGoldenArchive(t, name, entries) })
	}
}

func testGoldenArchive(t *testing.T, name string, entries int64) {
	raw, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	c, err := check(raw)
	if want := (store.Contents{Made: noon, By: "1.0.0", Nodes: 2, Documents: 1, Events: 2, Records: 2, Uses: 1, GapsInSeen: 2, Audit: entries}); err != nil || c != want {
		t.Errorf("it holds %+v, %v", c, err)
	}
	s := open(t)
	if err := store.Fill(t.Context(), s, bytes.NewReader(raw)); err != nil {
		t.Fatal(err)
	}
	// Events and nodes of that time had no checks, and nothing to say of them.
	got := strings.ReplaceAll(string(unpack(t, dump(t, s))), `"open_status":"",`, "")
	want := strings.Replace(string(unpack(t, raw)), `"format":1`, `"format":2`, 1)
	want = strings.ReplaceAll(want, `"open_status":"",`, "")
	ends := strings.LastIndex(want, `{"end"`) // the sum is of what was written
	if got[:min(ends, len(got))] != want[:ends] {
		t.Errorf("restored it is\n%s, not\n%s", got, want)
	}
}

// TestEmptyArchive: a store in which nothing is yet comes back as one.
func TestEmptyArchive(t *testing.T) {
	raw := dump(t, open(t))
	if c, err := check(raw); err != nil || c.Nodes != 0 {
		t.Errorf("it holds %+v, %v", c, err)
	}
	s := open(t)
	if err := store.Fill(t.Context(), s, bytes.NewReader(raw)); err != nil {
		t.Fatal(err)
	}
	if state, err := s.Load(t.Context()); err != nil || state.Revision.Epoch != "" || len(state.Blocks) != 0 || !state.Alive.IsZero() {
		t.Errorf("it comes back as %+v, %v", state, err)
	}
}

// TestDamagedArchive: cut anywhere, or with one byte changed anywhere, an archive
// is refused.
func TestDamagedArchive(t *testing.T) {
	raw, err := os.ReadFile(filepath.FromSlash(golden))
	if err != nil {
		t.Fatal(err)
	}
	for n := range raw {
		if _, err := check(raw[:n]); !errors.Is(err, store.ErrArchive) {
			t.Errorf("the first %d of %d bytes: %v", n, len(raw), err)
		}
		bad := bytes.Clone(raw)
		bad[n] ^= 0x10
		if _, err := check(bad); err == nil {
			if string(unpack(t, bad)) != string(unpack(t, raw)) {
				t.Errorf("byte %d is another one and nobody sees it", n)
			}
		} else if !errors.Is(err, store.ErrArchive) && !errors.Is(err, store.ErrNewer) {
			t.Errorf("byte %d: %v", n, err)
		}
	}
}

// TestRefusedArchives says why each is refused; nothing of it reaches a store.
func TestRefusedArchives(t *testing.T) {
	whole := ended(head + state)
	if _, err := check(pack(t, whole)); err != nil {
		t.Fatalf("what the others differ from: %v", err)
	}
	for name, tt := range map[string]struct {
		raw  []byte
		want string
	}{
		"nothing":          {nil, "line 1: it is cut"},
		"text":             {[]byte("dear diary, nothing happened today\n"), "line 1: "},
		"compressed text":  {pack(t, "dear diary\n"), "line 1: "},
		"another's JSON":   {pack(t, "{\"nodes\":[]}\n"), "it does not begin as one"},
		"no head":          {pack(t, ended(state)), "it does not begin as one"},
		"two archives":     {append(pack(t, whole), pack(t, whole)...), "something follows its end"},
		"something after":  {append(pack(t, whole), "x"...), "something follows its end"},
		"no state":         {pack(t, ended(head)), "it has no state"},
		"state twice":      {pack(t, ended(head+state+state)), "line 3: the state stands after the head alone"},
		"no state but use": {pack(t, ended(head+`{"event":{}}`+"\n")), "line 2: the state stands after the head alone"},
		"head twice":       {pack(t, ended(head+state+head)), "line 3: the head stands at the beginning alone"},
		"two in one":       {pack(t, ended(head+state+`{"gap":{},"event":{}}`+"\n")), "line 3: it says 2 things, not one"},
		"nothing in one":   {pack(t, ended(head+state+"{}\n")), "line 3: it says 0 things, not one"},
		"no end":           {pack(t, head+state), "line 3: it is cut"},
		"a line less":      {pack(t, strings.Replace(ended(head+state+`{"event":{}}`+"\n"), `{"event":{}}`+"\n", "", 1)), "it has 2 lines of 3"},
		"another line":     {pack(t, strings.Replace(whole, "e-1", "e-2", 1)), "checksum"},
		"format 0":         {pack(t, ended(strings.Replace(head, `"format":2`, `"format":0`, 1)+state)), "format must be at least 1, is 0"},
		"revision":         {pack(t, ended(head+strings.Replace(state, "e-1", "e", 1))), `revision must be epoch-number, is "e"`},
		"node":             {pack(t, ended(head+state+`{"block":{}}`+"\n")), "name of a node must not be empty"},
		"record":           {pack(t, ended(head+state+`{"record":{"Node":"a\u0000b"}}`+"\n")), `node of a record must not be empty nor have a NUL, is "a\x00b"`},
		"use":              {pack(t, ended(head+state+`{"use":{"service":"a"}}`+"\n")), "connection of a use must not be empty"},
		"document":         {pack(t, ended(head+state+`{"document":{"Kind":"a"}}`+"\n")), "key of a document must not be empty"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := check(tt.raw)
			if !errors.Is(err, store.ErrArchive) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("it is refused with %v, want %q", err, tt.want)
			}
		})
	}
}

func TestNewerArchive(t *testing.T) {
	_, err := check(pack(t, ended(strings.Replace(head, `"format":2`, `"format":3,"unheard":{}`, 1)+"{\"of\":[1,2]}\n")))
	if !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), "format 3, this one reads 2: update dotm") {
		t.Errorf("it is refused with %v", err)
	}
}

// TestArchiveBomb: a line that unpacks to more than one may have is refused before
// it is all in memory.
func TestArchiveBomb(t *testing.T) {
	var out bytes.Buffer
	z, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range 300 {
		if _, err := z.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := check(out.Bytes()); !errors.Is(err, store.ErrArchive) || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("%d bytes are refused with %v", out.Len(), err)
	}
}

// TestArchiveInterrupted: who waits no longer gets his error, and a reader or writer
// that fails gets its own back.
func TestArchiveInterrupted(t *testing.T) {
	s := open(t)
	if err := s.Write(t.Context(), site()); err != nil {
		t.Fatal(err)
	}
	raw := dump(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.CheckArchive(ctx, bytes.NewReader(raw)); !errors.Is(err, context.Canceled) {
		t.Errorf("CheckArchive returns %v", err)
	}
	if err := store.Dump(ctx, s, new(bytes.Buffer), store.Made{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Dump returns %v", err)
	}
	if err := store.Dump(t.Context(), s, full{}, store.Made{}); !errors.Is(err, errFull) {
		t.Errorf("Dump into what is full returns %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := store.Dump(t.Context(), s, new(bytes.Buffer), store.Made{}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Dump of what is closed returns %v", err)
	}
}

var errFull = errors.New("full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

// TestFillParts restores what is more than one change.
func TestFillParts(t *testing.T) {
	s := open(t)
	var c store.Change
	for i := range 4500 {
		c.Append = append(c.Append, topology.Event{At: noon, ID: fmt.Sprint(i), Revision: "e-1"})
	}
	for i := range 20 {
		c.Keep = append(c.Keep, store.Document{Kind: "large", Key: fmt.Sprint(i), Value: bytes.Repeat([]byte{byte(i)}, 2<<20)})
	}
	if err := s.Write(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	raw := dump(t, s)
	fresh := open(t)
	if err := fresh.Replace(t.Context(), func(n store.Store) error { return store.Fill(t.Context(), n, bytes.NewReader(raw)) }); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(unpack(t, raw), unpack(t, dump(t, fresh))) {
		t.Error("it comes back as something else")
	}
}

// FuzzArchive: whatever an archive says, it is refused or can be restored, and what
// is restored is an archive again. The end is always right, so that the rest is met.
func FuzzArchive(f *testing.F) {
	raw, err := os.ReadFile(filepath.FromSlash(golden))
	if err != nil {
		f.Fatal(err)
	}
	lines := unpack(f, raw)
	lines = lines[:bytes.LastIndex(lines, []byte(`{"end"`))]
	f.Add(lines)
	f.Add([]byte(head + state))
	for _, part := range []string{"block", "document", "event", "record", "use", "gap", "audit", "end", "state"} {
		f.Add([]byte(head + state + `{"` + part + `":{}}` + "\n"))
	}
	s := open(f)
	f.Fuzz(func(t *testing.T, lines []byte) {
		raw := pack(t, ended(string(lines)))
		if _, err := check(raw); err != nil {
			if !errors.Is(err, store.ErrArchive) && !errors.Is(err, store.ErrNewer) {
				t.Fatal(err)
			}
			return
		}
		fill := func(n store.Store) error { return store.Fill(context.Background(), n, bytes.NewReader(raw)) }
		if err := s.Replace(context.Background(), fill); err != nil {
			t.Fatalf("it was checked, and can't be restored: %v\n%s", err, lines)
		}
		if _, err := check(dump(t, s)); err != nil {
			t.Fatalf("it was restored, and can't be saved: %v\n%s", err, lines)
		}
	})
}

// FuzzArchiveBytes meets what is compressed badly.
func FuzzArchiveBytes(f *testing.F) {
	raw, err := os.ReadFile(filepath.FromSlash(golden))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(raw[:len(raw)/2])
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := check(raw); err != nil && !errors.Is(err, store.ErrArchive) && !errors.Is(err, store.ErrNewer) {
			t.Fatal(err)
		}
	})
}
