// Package bolt is the embedded store: one bbolt file in the data folder, used
// by one process at a time.
package bolt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// FileName is the database's name in the data folder.
const FileName = "dotm.db"

// format is the version of the layout below. A file of a newer one is refused.
const format = 4

// lockWait is how long Open waits for another process to let go of the file.
const lockWait = time.Second

// The buckets of the file.
var (
	bucketMeta   = []byte("meta")   // "format", "revision", "settings"
	bucketNodes  = []byte("nodes")  // node name → see history.BlockCoder
	bucketEvents = []byte("events") // see eventKey → history.EncodeEvent
	// bucketDocuments came later: files that were written before have none.
	bucketDocuments = []byte("documents") // kind, NUL, key → value
	bucketRecords   = []byte("records")   // see recordKey → 8 zeros (or time of the base), data
	bucketPatches   = []byte("patches")   // see recordKey → time of the base, data
	bucketUses      = []byte("uses")      // service, NUL, connection → JSON of store.Use
	bucketGaps      = []byte("gaps")      // see gapKey → JSON of store.Gap
	bucketAudit     = []byte("audit")     // see eventKey → JSON of audit.Entry

	keyFormat   = []byte("format")
	keyRevision = []byte("revision")
	keySettings = []byte("settings")
	keyCounts   = []byte("counts") // JSON of counts
	keyFrom     = []byte("from")   // the oldest moment that can be told; as keyAlive
	keyAlive    = []byte("alive")  // nanoseconds, big-endian
)

// Store is an open database.
type Store struct {
	mu        sync.RWMutex // held to write by what puts another file in place
	db        *bbolt.DB
	path      string
	closed    bool
	replacing sync.Mutex         // held by what makes another file
	blocks    history.BlockCoder // of the one transaction that writes
	eraser    eraser             // of the same
	failed    atomic.Bool        // a write did: what the eraser dropped may be there still
	broken    atomic.Bool        // bbolt panicked within a write, and may hold its lock since then
}

var _ store.Store = (*Store)(nil)

// Open opens the database in the folder dir, and makes both if need be. Its
// errors wrap those of package store and say what to do.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making data folder: %w (choose another with --data)", err)
	}
	s := &Store{path: filepath.Join(dir, FileName)}
	if err := s.refuseForeign(); err != nil {
		return nil, err
	}
	if err := s.guard("opening", s.open); err != nil {
		return nil, err
	}
	// What a process left that died while it made another file.
	_ = os.RemoveAll(s.successor())
	// Who holds the file, for the message of the next one that tries.
	_ = os.WriteFile(s.pidFile(), []byte(strconv.Itoa(os.Getpid())), 0o600)
	return s, nil
}

// Size is that of the file in bytes; 0 if that can't be told.
func (s *Store) Size() int64 {
	i, err := os.Stat(s.path)
	if err != nil {
		return 0
	}
	return i.Size()
}

func (s *Store) pidFile() string { return strings.TrimSuffix(s.path, ".db") + ".pid" }

// refuseForeign tells a file of something else before bbolt can stumble over
// it. Ours has a meta page, 16 bytes of page header and then bbolt's magic
// number, at its start and again on its second page: one of them may be
// damaged.
func (s *Store) refuseForeign() error {
	f, err := os.Open(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening database: %w (choose another data folder with --data)", err)
	}
	defer f.Close() //nolint:errcheck // reading only
	head := make([]byte, metaHeader+4)
	n, err := f.ReadAt(head, 0)
	switch {
	case n == 0:
		return nil // a new, empty file; or none at all, which bbolt words
	case hasMagic(head):
		return s.refuseStump(f)
	case err != nil && bytes.HasPrefix(metaStart, head[:min(n, len(metaStart))]):
		return s.damaged(fmt.Sprintf("it holds %d bytes", n))
	}
	for size := int64(1 << 10); size <= 64<<10; size *= 2 { // the page sizes there are
		if n, _ := f.ReadAt(head, size); n == len(head) && hasMagic(head) {
			return nil
		}
	}
	return fmt.Errorf("%s is %w: move it away, or choose another data folder with --data", s.path, store.ErrForeign)
}

// refuseStump refuses a database that was cut within its two meta pages.
func (s *Store) refuseStump(f *os.File) error {
	if info, err := f.Stat(); err == nil && info.Size() < 2*int64(os.Getpagesize()) {
		return s.damaged(fmt.Sprintf("it holds %d bytes", info.Size()))
	}
	return nil
}

// metaHeader is the size of a page's header.
const metaHeader = 16

// metaStart begins the first page of every database: page 0, flagged as meta.
var metaStart = []byte{0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0}

// hasMagic looks for bbolt's magic number, which it writes in the byte order
// of the machine.
func hasMagic(page []byte) bool {
	const magic = "\xed\xda\x0c\xed"
	at := string(page[metaHeader:])
	return at == magic || at == "\xed\x0c\xda\xed"
}

func (s *Store) open() error {
	if err := s.openFile(); err != nil {
		return err
	}
	if err := s.prepare(); err != nil {
		_ = s.closeFile()
		return err
	}
	return nil
}

func (s *Store) openFile() error {
	var file *os.File
	db, err := bbolt.Open(s.path, 0o600, &bbolt.Options{
		Timeout: lockWait, FreelistType: bbolt.FreelistMapType,
		OpenFile: func(name string, flag int, mode os.FileMode) (f *os.File, err error) {
			f, err = os.OpenFile(name, flag, mode)
			file = f
			return f, err
		},
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return s.inUse()
	case err == nil && !named(file, s.path):
		_ = db.Close() // another process replaced it while we waited for its lock
		return s.inUse()
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return s.damaged(err.Error())
	case err != nil:
		return fmt.Errorf("opening database: %w (choose another data folder with --data)", err)
	}
	s.db = db
	return nil
}

// named says whether a file is the one of that name.
func named(f *os.File, path string) bool {
	a, errA := f.Stat()
	b, errB := os.Stat(path)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

func (s *Store) inUse() error {
	who := ""
	if pid, err := os.ReadFile(s.pidFile()); err == nil {
		who = fmt.Sprintf(" (process %s)", pid)
	}
	return fmt.Errorf("%s: %w%s: stop it, or choose another folder with --data", filepath.Dir(s.path), store.ErrInUse, who)
}

func (s *Store) damaged(what string) error {
	return fmt.Errorf("%s: %w: %s: restore a backup, or move the file away to start with an empty history", s.path, store.ErrDamaged, what)
}

// prepare checks that the file is whole and ours, and makes the buckets of a
// new one. What is not new is not written to.
func (s *Store) prepare() error {
	isNew := false
	err := s.view(func(tx *bbolt.Tx) error {
		if info, err := os.Stat(s.path); err == nil && info.Size() < tx.Size() {
			return s.damaged(fmt.Sprintf("it holds %d bytes of %d", info.Size(), tx.Size()))
		}
		meta := tx.Bucket(bucketMeta)
		isNew = meta == nil
		if isNew {
			return nil
		}
		return s.checkFormat(tx, meta)
	})
	switch {
	case err != nil:
		return err
	case isNew:
		return s.update(s.create)
	}
	return s.migrate()
}

func (s *Store) checkFormat(tx *bbolt.Tx, meta *bbolt.Bucket) error {
	v, err := strconv.Atoi(string(meta.Get(keyFormat)))
	if err != nil || v < 1 || tx.Bucket(bucketNodes) == nil || tx.Bucket(bucketEvents) == nil {
		return s.damaged("a part of it is missing")
	}
	if v > format {
		return fmt.Errorf("%s: %w: format %d, this one reads %d: update dotm", s.path, store.ErrNewer, v, format)
	}
	return nil
}

// create makes the buckets, unless the file holds somebody else's.
func (s *Store) create(tx *bbolt.Tx) error {
	if tx.Bucket(bucketNodes) != nil || tx.Bucket(bucketEvents) != nil {
		return s.damaged("a part of it is missing")
	}
	if name, _ := tx.Cursor().First(); name != nil {
		return fmt.Errorf("%s is %w: it has a bucket %q: choose another data folder with --data", s.path, store.ErrForeign, name)
	}
	for _, b := range [][]byte{bucketMeta, bucketNodes, bucketEvents} {
		if _, err := tx.CreateBucket(b); err != nil {
			return fmt.Errorf("creating database: %w", err)
		}
	}
	return tx.Bucket(bucketMeta).Put(keyFormat, []byte(strconv.Itoa(format)))
}

// guard turns what bbolt does on a damaged file (it panics, or touches mapped
// memory beyond the file's end) into an error.
func (s *Store) guard(doing string, f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = s.damaged(fmt.Sprintf("%s it: %v", doing, r))
		}
	}()
	return f()
}

func (s *Store) view(f func(*bbolt.Tx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.db.View(f)
}

func (s *Store) update(f func(*bbolt.Tx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.broken.Load() {
		return s.damaged("it could not be written before")
	}
	returned := false
	defer func() {
		if !returned {
			s.broken.Store(true)
		}
	}()
	err := s.db.Update(f)
	returned = true
	return err
}

// Load reads the whole state.
func (s *Store) Load(ctx context.Context) (state store.State, err error) {
	if err := ctx.Err(); err != nil {
		return store.State{}, fmt.Errorf("reading %s: %w", s.path, err)
	}
	err = s.guard("reading", func() error {
		return s.view(func(tx *bbolt.Tx) error { return s.load(tx, &state) })
	})
	return state, closed(err)
}

func (s *Store) load(tx *bbolt.Tx, state *store.State) error {
	meta := tx.Bucket(bucketMeta)
	if raw := meta.Get(keyRevision); raw != nil {
		rev, err := topology.ParseRevision(string(raw))
		if err != nil {
			return s.damaged(err.Error())
		}
		state.Revision = rev
	}
	if raw := meta.Get(keyAlive); len(raw) == 8 {
		state.Alive = keyTime(raw)
	}
	if raw := meta.Get(keySettings); raw != nil {
		if err := json.Unmarshal(raw, &state.Settings); err != nil {
			return s.damaged("settings: " + err.Error())
		}
	}
	if err := loadDocuments(tx, state); err != nil {
		return s.damaged(err.Error())
	}
	var blocks history.BlockCoder
	return tx.Bucket(bucketNodes).ForEach(func(name, raw []byte) error {
		b, err := blocks.Decode(raw)
		if err != nil {
			return s.damaged(fmt.Sprintf("node %q: %v", name, err))
		}
		state.Blocks = append(state.Blocks, b)
		return nil
	})
}

// Write applies c in one transaction, synced to disk.
func (s *Store) Write(ctx context.Context, c store.Change) error {
	err := ctx.Err()
	if err == nil {
		err = s.guard("writing", func() error {
			return s.update(func(tx *bbolt.Tx) error { return s.apply(tx, &c) })
		})
		if err != nil {
			s.failed.Store(true)
		}
		if errors.Is(err, errUnreadable) {
			err = s.damaged(err.Error())
		}
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", s.path, full(closed(err)))
	}
	return nil
}

// errUnreadable is wrapped by a write that met damage.
var errUnreadable = errors.New("it can't be read")

// full says what to do where there is no room.
func full(err error) error {
	if errors.Is(err, store.ErrFull) || (!errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT)) {
		return err
	}
	return fmt.Errorf("%w: %w (make room on that disk: what waits is written then)", store.ErrFull, err)
}

func (s *Store) apply(tx *bbolt.Tx, c *store.Change) error {
	for _, step := range []func(*bbolt.Tx, *store.Change) error{writeMeta, s.writeNodes, writeDocuments, writeAudit} {
		if err := step(tx, c); err != nil {
			return err
		}
	}
	n, err := readCounts(tx)
	if err != nil {
		return s.damaged(err.Error())
	}
	before := n
	if s.failed.Swap(false) {
		s.eraser = eraser{}
	}
	for _, step := range []func(*bbolt.Tx, *store.Change, *counts) error{appendEvents, writeRecords, writeUses, writeGaps, s.eraser.forget} {
		if err := step(tx, c, &n); err != nil {
			return err
		}
	}
	if n == before {
		return nil
	}
	return n.write(tx)
}

func writeMeta(tx *bbolt.Tx, c *store.Change) error {
	meta := tx.Bucket(bucketMeta)
	if c.Revision.Epoch != "" {
		if err := meta.Put(keyRevision, []byte(c.Revision.String())); err != nil {
			return err
		}
	}
	if !c.Alive.IsZero() {
		if err := meta.Put(keyAlive, timeKey(c.Alive)); err != nil {
			return err
		}
	}
	if c.Settings == nil {
		return nil
	}
	raw, err := json.Marshal(c.Settings)
	if err != nil {
		return fmt.Errorf("encoding settings: %w", err)
	}
	return meta.Put(keySettings, raw)
}

func (s *Store) writeNodes(tx *bbolt.Tx, c *store.Change) error {
	nodes := tx.Bucket(bucketNodes)
	for _, name := range c.Delete {
		if err := nodes.Delete([]byte(name)); err != nil {
			return err
		}
	}
	for _, b := range c.Put {
		if err := nodes.Put([]byte(b.Node.Name), s.blocks.Encode(b)); err != nil {
			return fmt.Errorf("node %q: %w", b.Node.Name, err)
		}
	}
	return nil
}

// Close lets go of the file. One that could not be written for its damage may stay
// locked until the process ends.
func (s *Store) Close() error {
	_ = os.Remove(s.pidFile())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if err := s.closeFile(); err != nil {
		return fmt.Errorf("closing %s: %w", s.path, err)
	}
	return nil
}

func (s *Store) closeFile() error {
	if s.broken.Load() {
		go s.db.Close() //nolint:errcheck // it may wait forever for the lock
		return nil
	}
	return s.db.Close()
}

func closed(err error) error {
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return store.ErrClosed
	}
	return err
}
