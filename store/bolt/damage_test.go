package bolt

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.etcd.io/bbolt"

	"github.com/devops-trouble-map/dotm/audit"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// sample is the n-th change of a made-up history.
func sample(n int) store.Change {
	ageing := topology.Duration(n) * topology.Duration(time.Minute)
	c := store.Change{
		Revision: topology.Revision{Epoch: "e", Number: uint64(n)},
		Put:      []*topology.Block{block(fmt.Sprintf("web%02d", n), 3), block("always", n)},
		Settings: &store.Patch{Ageing: &ageing},
	}
	for i := range 10 {
		c.Append = append(c.Append, event(n*100+i))
	}
	h := numbered(n + 1)
	c.Records, c.Uses, c.Gaps = h.Records, h.Uses, h.Gaps
	c.Keep = []store.Document{{Kind: "k", Key: strconv.Itoa(n), Value: []byte("{}")}}
	if n > 4 {
		c.Delete = []string{fmt.Sprintf("web%02d", n-4)}
	}
	return c
}

// written is the bytes of a database with some history, and what it holds.
func written(t *testing.T) ([]byte, store.State) {
	t.Helper()
	dir := t.TempDir()
	s := open(t, dir)
	for n := range 12 {
		mustWrite(t, s, sample(n))
	}
	state, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	raw, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	return raw, state
}

// use opens a file of these bytes and does with it all that a server does.
func use(t *testing.T, raw []byte) (state store.State, err error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir)
	if err != nil {
		return state, err
	}
	defer s.Close()
	if state, err = s.Load(t.Context()); err != nil {
		return state, err
	}
	if err := readPast(t, s); err != nil {
		return state, err
	}
	_ = s.Write(t.Context(), store.Change{Forget: store.Forget{Before: noon.Add(5 * time.Second), Uses: noon.Add(5 * time.Second), Bytes: 1}})
	_ = s.Write(t.Context(), sample(99)) // may fail, must return
	return state, nil
}

// readPast reads all of the history; what goes wrong first is returned.
func readPast(t *testing.T, s *Store) error {
	t.Helper()
	for _, read := range []func() error{
		func() error {
			return s.Events(t.Context(), noon, noon.Add(time.Hour), func(topology.Event) bool { return true })
		},
		func() error {
			return s.RecordsAt(t.Context(), noon.Add(time.Hour), func([]store.Record) bool { return true })
		},
		func() error { return s.Records(t.Context(), func(store.Record) bool { return true }) },
		func() error { return s.Uses(t.Context(), "", func(store.Use) bool { return true }) },
		func() error {
			return s.Gaps(t.Context(), noon, noon.Add(time.Hour), func(store.Gap) bool { return true })
		},
		func() error {
			return s.Audit(t.Context(), noon, noon.Add(time.Hour), func(audit.Entry) bool { return true })
		},
		func() error { _, err := s.Extent(t.Context()); return err },
	} {
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}

// TestDamagedHistory: an entry of each kind that can't be read is told as damage,
// with what to do.
func TestDamagedHistory(t *testing.T) {
	for name, tt := range map[string]struct {
		bucket, key, value []byte
		met                bool // by forgetting, too
	}{
		"record without a node":   {bucketRecords, []byte("x"), []byte("12345678x"), true},
		"record that is cut":      {bucketRecords, recordKey("zz", noon), []byte("1234"), false},
		"record without its base": {bucketRecords, recordKey("zz", noon), append(timeKey(noon.Add(-time.Hour)), 'x'), false},
		"patch without a node":    {bucketPatches, []byte("x"), []byte("12345678x"), true},
		"patch that is cut":       {bucketPatches, recordKey("a", noon.Add(time.Minute)), []byte("1234"), false},
		"patch without its base":  {bucketPatches, recordKey("a", noon.Add(time.Minute)), append(timeKey(noon.Add(-time.Hour)), 'x'), false},
		"use":                     {bucketUses, []byte("a\x00b"), []byte("{"), true},
		"gap":                     {bucketGaps, gapKey(&store.Gap{From: noon, Node: "a"}), []byte("{"), true},
		"event":                   {bucketEvents, eventKey(noon, 1), []byte{0xff, 0xff}, false},
		"event of format 1":       {bucketEvents, eventKey(noon, 1), []byte("{"), false},
		"entry of the audit log":  {bucketAudit, eventKey(noon, 1), []byte("{"), false},
		"counts":                  {bucketMeta, keyCounts, []byte("{"), true},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir())
			defer s.Close()
			mustWrite(t, s, sample(1))
			err := s.db.Update(func(tx *bbolt.Tx) error {
				if strings.HasSuffix(name, "without its base") { // of a moment that is kept
					if err := tx.Bucket(bucketMeta).Put(keyFrom, timeKey(noon.Add(-2*time.Hour))); err != nil {
						return err
					}
				}
				b, err := tx.CreateBucketIfNotExists(tt.bucket)
				if err != nil {
					return err
				}
				return b.Put(tt.key, tt.value)
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := readPast(t, s); !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "restore a backup") {
				t.Errorf("reading returns %v", err)
			}
			if !tt.met {
				return
			}
			c := store.Change{Alive: noon, Forget: store.Forget{Before: noon.Add(2 * time.Hour), Uses: noon}}
			if err := s.Write(t.Context(), c); !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "restore a backup") {
				t.Errorf("forgetting returns %v", err)
			}
			if state, err := s.Load(t.Context()); err != nil || !state.Alive.IsZero() {
				t.Errorf("of a write that failed the store holds %s, %v", state.Alive, err)
			}
		})
	}
}

// TestTruncated: what is left of a file that was cut is either refused as
// damaged or what it was.
func TestTruncated(t *testing.T) {
	raw, whole := written(t)
	lengths := []int{1, 8, 15, 16, 19, 20, 64, 100, 4095, 4096, 4097, 4096 + 16, 4096 + 64, 8191, 8192, len(raw) - 1}
	for n := 3 * 4096; n < len(raw); n += 4096 {
		lengths = append(lengths, n, n+1, n-1)
	}
	refused := 0
	for _, n := range lengths {
		state, err := use(t, raw[:n])
		switch {
		case errors.Is(err, store.ErrDamaged):
			refused++
		case err != nil:
			t.Errorf("%d of %d bytes: %v", n, len(raw), err)
		default:
			if diff := cmp.Diff(whole, state, cmpopts.EquateComparable(), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%d of %d bytes: another state (-want +got):\n%s", n, len(raw), diff)
			}
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
}

// TestOneMetaPage: bbolt keeps two, so that one may be torn.
func TestOneMetaPage(t *testing.T) {
	raw, whole := written(t)
	for page := range 2 {
		torn := append([]byte(nil), raw...)
		for i := range 64 {
			torn[page*os.Getpagesize()+16+i] ^= 0xa5
		}
		state, err := use(t, torn)
		if err != nil {
			t.Errorf("without meta page %d: %v", page, err)
			continue
		}
		// The survivor names the last transaction or the one before.
		if n := state.Revision.Number; n != whole.Revision.Number && n != whole.Revision.Number-1 {
			t.Errorf("without meta page %d: revision %d", page, n)
		}
	}
}

// TestFlipped: no damage may crash or hang the process. Values carry no
// checksum, so a state may come back that differs in a letter.
func TestFlipped(t *testing.T) {
	if raceBuild {
		t.Skip("the race detector's checkptr stops at the damage itself")
	}
	const rounds = 300
	raw, _ := written(t)
	rng := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for round := range rounds {
		bad := append([]byte(nil), raw...)
		for range 1 + rng.IntN(8) {
			at := rng.IntN(len(bad))
			if round%2 == 0 { // the headers of pages hold all that hurts
				at = at/4096*4096 + rng.IntN(128)
			}
			bad[min(at, len(bad)-1)] = byte(rng.Uint32())
		}
		if _, err := use(t, bad); errors.Is(err, store.ErrDamaged) {
			refused++
		} else if err != nil && !errors.Is(err, store.ErrNewer) && !errors.Is(err, store.ErrForeign) {
			t.Errorf("round %d: %v", round, err)
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
	t.Logf("%d of %d refused", refused, rounds)
}
