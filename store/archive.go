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
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/devops-trouble-map/dotm/topology"
)

// An archive is all that a store holds, for any engine: a stream of lines of
// JSON, compressed (RFC 8878). The first one says what it is; the last one counts
// the others and has their SHA-256. It holds what must stay secret: hashes of
// passwords, sessions, and perhaps the key of the server's CA.

// archiveFormat is the version of archives.
const archiveFormat = 1

// Limits of an archive.
const (
	maxLine  = 512 << 20 // one line: a node with everything
	perWrite = 2000      // how many lines go into one change
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
	End      *archiveEnd     `json:"end,omitempty"`
}

type archiveHead struct {
	Format int       `json:"format"`
	Made   time.Time `json:"made"`
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

// Dump writes an archive of all that a store holds. What is written to the store
// meanwhile may be in it or not.
func Dump(ctx context.Context, s Store, w io.Writer, now time.Time) error {
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("preparing compression: %w", err)
	}
	buffered := bufio.NewWriterSize(z, 64<<10)
	a := &archiver{out: buffered, hash: sha256.New()}
	a.enc = json.NewEncoder(io.MultiWriter(buffered, a.hash))
	if err := a.dump(ctx, s, now); err != nil {
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

func (a *archiver) dump(ctx context.Context, s Store, now time.Time) error {
	state, err := s.Load(ctx)
	if err != nil {
		return err
	}
	first := []line{{Head: &archiveHead{archiveFormat, now.UTC()}}, {State: &archiveState{state.Revision.String(), state.Settings, state.Alive}}}
	for i := range state.Documents {
		first = append(first, line{Document: &state.Documents[i]})
	}
	for _, b := range state.Blocks {
		first = append(first, line{Block: b})
	}
	for i := range first {
		if err := a.put(first[i]); err != nil {
			return err
		}
	}
	var failed error
	keep := func(err error) bool { failed = errors.Join(failed, err); return err == nil }
	return errors.Join(
		s.Events(ctx, everFrom, everTo, func(e topology.Event) bool { return keep(a.put(line{Event: &e})) }),
		s.Records(ctx, func(r Record) bool { return keep(a.put(line{Record: &r})) }),
		s.Uses(ctx, "", func(u Use) bool { return keep(a.put(line{Use: &u})) }),
		s.Gaps(ctx, everFrom, everTo, func(g Gap) bool { return keep(a.put(line{Gap: &g})) }),
		failed,
	)
}

// Contents is how much an archive holds.
type Contents struct {
	Made                                                time.Time
	Nodes, Documents, Events, Records, Uses, GapsInSeen int64
}

// CheckArchive reads an archive to its end, and says what it holds. Errors wrap
// [ErrArchive], [ErrNewer] or are the reader's.
func CheckArchive(ctx context.Context, r io.Reader) (c Contents, err error) {
	return c, readArchive(ctx, r, func(l *line) error {
		switch {
		case l.Head != nil:
			c.Made = l.Head.Made
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
	n      int
}

func (f *filler) take(l *line) error {
	c := &f.change
	switch {
	case l.State != nil:
		rev, err := topology.ParseRevision(l.State.Revision)
		if err == nil {
			c.Revision = rev
		}
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
	}
	if f.n++; f.n%perWrite == 0 {
		return f.flush()
	}
	return nil
}

func (f *filler) flush() error {
	c := f.change
	f.change = Change{}
	if c.Empty() {
		return nil
	}
	return f.store.Write(f.ctx, c)
}

// readArchive calls take for each line, and checks at the end that none is
// missing.
func readArchive(ctx context.Context, r io.Reader, take func(*line) error) error {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
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
		raw, err := readLine(in)
		if err != nil {
			return fmt.Errorf("%w: line %d: %w", ErrArchive, n+1, err)
		}
		var l line
		if err := json.Unmarshal(raw, &l); err != nil {
			return fmt.Errorf("%w: line %d: %w", ErrArchive, n+1, err)
		}
		switch {
		case n == 0 && l.Head == nil:
			return fmt.Errorf("%w: it does not begin as one", ErrArchive)
		case n == 0 && l.Head.Format > archiveFormat:
			return fmt.Errorf("%w: format %d, this one reads %d: update dotm", ErrNewer, l.Head.Format, archiveFormat)
		case l.End != nil:
			return checkEnd(in, l.End, n, sum)
		}
		_, _ = sum.Write(raw) // never fails
		if err := take(&l); err != nil {
			return err
		}
	}
}

func checkEnd(in *bufio.Reader, end *archiveEnd, n int64, sum hash.Hash) error {
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows its end", ErrArchive)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); end.Lines != n || end.SHA256 != got {
		return fmt.Errorf("%w: it has %d lines of %d, checksum %s, want %s", ErrArchive, n, end.Lines, got, end.SHA256)
	}
	return nil
}

// readLine reads a line with its end, of a bounded length.
func readLine(in *bufio.Reader) ([]byte, error) {
	var whole []byte
	for {
		part, err := in.ReadSlice('\n')
		if whole = append(whole, part...); len(whole) > maxLine {
			return nil, fmt.Errorf("it is longer than %d bytes", maxLine)
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
