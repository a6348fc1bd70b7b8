package store

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/devops-trouble-map/dotm/audit"
	"github.com/devops-trouble-map/dotm/topology"
)

// An archive is all that a store holds, for any engine: a stream of lines of
// JSON, compressed (RFC 8878). The first one says what it is; the last one counts
// the others and has their SHA-256. It holds what must stay secret: hashes of
// passwords, sessions, and perhaps the key of the server's CA.

// archiveFormat is the version of archives.
const archiveFormat = 2 // 2: has the audit log

// Limits of an archive.
const (
	maxHead  = 64 << 10  // bytes of the first line: what isn't an archive is known by it
	maxLine  = 256 << 20 // bytes of one line: a node with everything
	perWrite = 2000      // how many lines go into one change, at most
	fullAt   = 16 << 20  // bytes of lines by which a change is large enough
)

// ErrArchive is wrapped by what is wrong with an archive.
var ErrArchive = errors.New("not a whole archive of dotm")

// line is one line of an archive; one of its fields is set.
type line struct {
	Head     *archiveHead    `json:"dotm_archive,omitempty"`
	State    *archiveState   `json:"state,omitempty"`
	Block    *topology.Block `json:"block,omitempty"`
	Document *Document       `json:"document,omitempty"`
	Event    *topology.Event `json:"event,omitempty"`
	Record   *Record         `json:"record,omitempty"`
	Use      *Use            `json:"use,omitempty"`
	Gap      *Gap            `json:"gap,omitempty"`
	Audit    *audit.Entry    `json:"audit,omitempty"`
	End      *archiveEnd     `json:"end,omitempty"`

	size int // its bytes, when it was read
}

type archiveHead struct {
	Format int       `json:"format"`
	Made   time.Time `json:"made"`
	By     string    `json:"by,omitempty"`
}

type archiveState struct {
	Revision string    `json:"revision"`
	Settings Patch     `json:"settings"`
	Alive    time.Time `json:"alive"`
}

type archiveEnd struct {
	Lines  int64  `json:"lines"`
	SHA256 string `json:"sha256"` // of all bytes before this line
}

// archiver writes lines.
type archiver struct {
	out  io.Writer
	hash hash.Hash
	enc  *json.Encoder
	n    int64
}

func (a *archiver) put(l line) error {
	a.n++
	return a.enc.Encode(l)
}

// Made says when an archive was made, and by which version of dotm.
type Made struct {
	At time.Time `json:"made"`
	By string    `json:"by"`
}

// Dump writes an archive of all that a store holds. What is written to the store
// meanwhile may be in it or not.
func Dump(ctx context.Context, s Store, w io.Writer, made Made) error {
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("preparing compression: %w", err)
	}
	buffered := bufio.NewWriterSize(z, 64<<10)
	a := &archiver{out: buffered, hash: sha256.New()}
	a.enc = json.NewEncoder(io.MultiWriter(buffered, a.hash))
	if err := a.dump(ctx, s, made); err != nil {
		return fmt.Errorf("writing archive: %w", err)
	}
	end := line{End: &archiveEnd{a.n, hex.EncodeToString(a.hash.Sum(nil))}}
	if err := errors.Join(json.NewEncoder(buffered).Encode(end), buffered.Flush(), z.Close()); err != nil {
		return fmt.Errorf("writing archive: %w", err)
	}
	return nil
}

// The moments between which all events and gaps lie.
var (
	everFrom = time.Unix(0, math.MinInt64)
	everTo   = time.Unix(0, math.MaxInt64)
)

func (a *archiver) dump(ctx context.Context, s Store, made Made) error {
	if err := a.put(line{Head: &archiveHead{archiveFormat, made.At.UTC(), made.By}}); err != nil {
		return err
	}
	if err := a.dumpState(ctx, s); err != nil {
		return err
	}
	var failed error
	put := func(l line) bool { failed = a.put(l); return failed == nil }
	for _, part := range []func() error{
		func() error {
			return s.Events(ctx, everFrom, everTo, func(e topology.Event) bool { return put(line{Event: &e}) })
		},
		func() error { return s.Records(ctx, func(r Record) bool { return put(line{Record: &r}) }) },
		func() error { return s.Uses(ctx, "", func(u Use) bool { return put(line{Use: &u}) }) },
		func() error { return s.Gaps(ctx, everFrom, everTo, func(g Gap) bool { return put(line{Gap: &g}) }) },
		func() error {
			return s.Audit(ctx, everFrom, everTo, func(e audit.Entry) bool { return put(line{Audit: &e}) })
		},
	} {
		if err := part(); err != nil {
			return err
		}
		if failed != nil {
			return failed
		}
	}
	return nil
}

func (a *archiver) dumpState(ctx context.Context, s Store) error {
	state, err := s.Load(ctx)
	if err != nil {
		return err
	}
	rev := ""
	if state.Revision.Epoch != "" {
		rev = state.Revision.String()
	}
	if err := a.put(line{State: &archiveState{rev, state.Settings, state.Alive}}); err != nil {
		return err
	}
	for i := range state.Documents {
		if err := a.put(line{Document: &state.Documents[i]}); err != nil {
			return err
		}
	}
	for _, b := range state.Blocks {
		if err := a.put(line{Block: b}); err != nil {
			return err
		}
	}
	return nil
}

// Contents is how much an archive holds.
type Contents struct {
	Made                                                time.Time
	By                                                  string // the version of dotm; perhaps empty
	Nodes, Documents, Events, Records, Uses, GapsInSeen int64
	Audit                                               int64 // entries of the audit log
}

// CheckArchive reads an archive to its end, and says what it holds. Errors wrap
// [ErrArchive], [ErrNewer] or are the reader's.
func CheckArchive(ctx context.Context, r io.Reader) (c Contents, err error) {
	return c, readArchive(ctx, r, func(l *line) error {
		switch {
		case l.Head != nil:
			c.Made, c.By = l.Head.Made, l.Head.By
		case l.Block != nil:
			c.Nodes++
		case l.Document != nil:
			c.Documents++
		case l.Event != nil:
			c.Events++
		case l.Record != nil:
			c.Records++
		case l.Use != nil:
			c.Uses++
		case l.Gap != nil:
			c.GapsInSeen++
		case l.Audit != nil:
			c.Audit++
		}
		return nil
	})
}

// Fill writes what an archive holds into an empty store.
func Fill(ctx context.Context, s Store, r io.Reader) error {
	f := filler{ctx: ctx, store: s}
	if err := readArchive(ctx, r, f.take); err != nil {
		return err
	}
	return f.flush()
}

type filler struct {
	ctx    context.Context //nolint:containedctx // of one call of Fill
	store  Store
	change Change
	n      int // lines in it
	size   int // their bytes
}

func (f *filler) take(l *line) error {
	c := &f.change
	switch {
	case l.State != nil:
		c.Revision, _ = l.State.revision() // it was checked
		c.Settings, c.Alive = &l.State.Settings, l.State.Alive
	case l.Block != nil:
		c.Put = append(c.Put, l.Block)
	case l.Document != nil:
		c.Keep = append(c.Keep, *l.Document)
	case l.Event != nil:
		c.Append = append(c.Append, *l.Event)
	case l.Record != nil:
		c.Records = append(c.Records, *l.Record)
	case l.Use != nil:
		c.Uses = append(c.Uses, *l.Use)
	case l.Gap != nil:
		c.Gaps = append(c.Gaps, *l.Gap)
	case l.Audit != nil:
		c.Audit = append(c.Audit, *l.Audit)
	}
	f.n, f.size = f.n+1, f.size+l.size
	if f.n >= perWrite || f.size >= fullAt {
		return f.flush()
	}
	return nil
}

func (f *filler) flush() error {
	c := f.change
	f.change, f.n, f.size = Change{}, 0, 0
	if c.Empty() {
		return nil
	}
	return f.store.Write(f.ctx, c)
}

// readArchive calls take for each line, and checks at the end that none is
// missing.
func readArchive(ctx context.Context, r io.Reader, take func(*line) error) error {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxLine))
	if err != nil {
		return fmt.Errorf("preparing decompression: %w", err)
	}
	defer z.Close()
	in := bufio.NewReaderSize(z, 64<<10)
	sum := sha256.New()
	for n := int64(0); ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		l, raw, err := nextLine(in, n)
		if err != nil {
			return err
		}
		if l.End != nil {
			return checkEnd(in, l.End, n, sum)
		}
		_, _ = sum.Write(raw) // never fails
		if err := take(l); err != nil {
			return err
		}
	}
}

// nextLine reads the n-th line, from 0, and checks it.
func nextLine(in *bufio.Reader, n int64) (*line, []byte, error) {
	l := new(line)
	most := maxLine
	if n == 0 {
		most = maxHead
	}
	raw, err := readLine(in, most)
	if err == nil {
		err = json.Unmarshal(raw, l)
	}
	if err == nil && (n > 0 || l.Head != nil) {
		err = l.check(n)
	}
	switch {
	case errors.Is(err, ErrNewer):
		return nil, nil, err
	case err != nil:
		return nil, nil, fmt.Errorf("%w: line %d: %w", ErrArchive, n+1, err)
	case n == 0 && l.Head == nil:
		return nil, nil, fmt.Errorf("%w: it does not begin as one", ErrArchive)
	}
	l.size = len(raw)
	return l, raw, nil
}

func checkEnd(in *bufio.Reader, end *archiveEnd, n int64, sum hash.Hash) error {
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows its end", ErrArchive)
	}
	if n < 2 {
		return fmt.Errorf("%w: it has no state", ErrArchive)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); end.Lines != n || end.SHA256 != got {
		return fmt.Errorf("%w: it has %d lines of %d, checksum %s, want %s", ErrArchive, n, end.Lines, got, end.SHA256)
	}
	return nil
}

// check finds what no store would take, before any is touched.
func (l *line) check(n int64) error {
	parts := 0
	for _, is := range []bool{
		l.Head != nil, l.State != nil, l.Block != nil, l.Document != nil, l.Event != nil, l.Record != nil, l.Use != nil, l.Gap != nil, l.Audit != nil, l.End != nil,
	} {
		if is {
			parts++
		}
	}
	switch {
	case parts != 1:
		return fmt.Errorf("it says %d things, not one", parts)
	case (l.Head != nil) != (n == 0):
		return errors.New("the head stands at the beginning alone")
	case (l.State != nil) != (n == 1) && l.End == nil:
		return errors.New("the state stands after the head alone")
	}
	return l.checkPart()
}

func (l *line) checkPart() error {
	switch {
	case l.Head != nil && l.Head.Format > archiveFormat:
		return fmt.Errorf("%w: the archive has format %d, this one reads %d: update dotm", ErrNewer, l.Head.Format, archiveFormat)
	case l.Head != nil && l.Head.Format < 1:
		return fmt.Errorf("format must be at least 1, is %d", l.Head.Format)
	case l.State != nil:
		_, err := l.State.revision()
		return err
	case l.Block != nil && l.Block.Node.Name == "":
		return errors.New("name of a node must not be empty")
	case l.Record != nil:
		return checkKey("node of a record", l.Record.Node)
	case l.Use != nil:
		return errors.Join(checkKey("service of a use", l.Use.Service), checkKey("connection of a use", l.Use.Connection))
	case l.Document != nil && l.Document.Key == "":
		return errors.New("key of a document must not be empty")
	case l.Document != nil:
		return checkKey("kind of a document", l.Document.Kind)
	}
	return nil
}

func checkKey(what, key string) error {
	if key == "" || strings.ContainsRune(key, 0) {
		return fmt.Errorf("%s must not be empty nor have a NUL, is %q", what, key)
	}
	return nil
}

// revision is zero for a store that had none.
func (s *archiveState) revision() (topology.Revision, error) {
	if s.Revision == "" {
		return topology.Revision{}, nil
	}
	return topology.ParseRevision(s.Revision)
}

// readLine reads a line with its end, of at most so many bytes.
func readLine(in *bufio.Reader, most int) ([]byte, error) {
	var whole []byte
	for {
		part, err := in.ReadSlice('\n')
		if whole = append(whole, part...); len(whole) > most {
			return nil, fmt.Errorf("it is longer than %d bytes", most)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil, errors.New("it is cut")
		case err != nil:
			return nil, err
		default:
			return whole, nil
		}
	}
}
