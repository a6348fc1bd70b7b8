// Package coding compresses what is read: bodies once for all who ask, events as pieces that
// need none before them, and other answers on their way out.
package coding

import (
	"bytes"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// The codings (RFC 9110, 8.4.1) that answers come in, the preferred first.
const (
	Zstd = "zstd"
	Gzip = "gzip"
)

// minCoded is the smallest answer, in bytes, that is worth compressing: below that it
// fits into one packet anyway.
const minCoded = 1024

// Handler has what is read compressed on its way out, as far as the asker takes that
// and it isn't already ([Body], [Deflated]). Nothing is where only this machine asks, as
// near says: there the line costs nothing. Nor are answers to anything but GET, because
// some of them are the only ones that hold secrets, and a secret beside text that somebody
// else chose must not be compressed (docs/security.md). What is written piece by piece, at
// the path stream, is compressed by who writes it.
func Handler(next http.Handler, stream string, near func(*http.Request) bool) http.Handler {
	wrap, err := gzhttp.NewWrapper(
		gzhttp.MinSize(minCoded), gzhttp.CompressionLevel(gzip.BestSpeed), gzhttp.SetContentType(false),
		gzhttp.ContentTypeFilter(Compressible),
	)
	if err != nil {
		panic(err) // the options above are wrong
	}
	wrapped := wrap(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case near(r) || r.Method != http.MethodGet:
			r.Header.Del("Accept-Encoding")
			next.ServeHTTP(w, r)
		case r.URL.Path == stream:
			next.ServeHTTP(w, r)
		default:
			wrapped(w, r)
		}
	})
}

// Compressible tells the media types that compress well.
func Compressible(media string) bool {
	media, _, _ = strings.Cut(media, ";")
	return strings.HasPrefix(media, "text/") || strings.HasSuffix(media, "json") || strings.HasSuffix(media, "xml") || media == "application/javascript"
}

// Effort is how much time compressing may take.
type Effort int

// How much there is.
const (
	Quick  Effort = iota // for what changes
	Utmost               // for what is made once and never changes
)

// Body is one, compressed once for all who ask for it so. Neither it nor what it
// gives may be written.
type Body struct {
	Plain  []byte
	Effort Effort

	mu   sync.Mutex
	made map[string][]byte // by coding
}

// In gives the body in the best coding that an Accept-Encoding header takes, and that
// coding's name; "" is none.
func (c *Body) In(accept string) (body []byte, coding string, err error) {
	if len(c.Plain) < minCoded {
		return c.Plain, "", nil
	}
	for _, coding := range []string{Zstd, Gzip} {
		if Takes(accept, coding) {
			body, err := c.of(coding)
			return body, coding, err
		}
	}
	return c.Plain, "", nil
}

func (c *Body) of(coding string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if body, made := c.made[coding]; made {
		return body, nil
	}
	encode := c.gzip
	if coding == Zstd {
		encode = c.zstd
	}
	body, err := encode()
	if err != nil {
		return nil, err
	}
	if c.made == nil {
		c.made = map[string][]byte{}
	}
	c.made[coding] = body
	return body, nil
}

// zstdWindow is how far back, in bytes, zstd looks. Browsers take up to 8 MiB (RFC 9659);
// of charts that would save a three-hundredth, and take five times the memory.
const zstdWindow = 1 << 20

func (c *Body) zstd() ([]byte, error) {
	level := zstd.SpeedFastest
	if c.Effort == Utmost {
		level = zstd.SpeedBestCompression
	}
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(zstdWindow), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	return w.EncodeAll(c.Plain, make([]byte, 0, len(c.Plain)/8)), w.Close()
}

func (c *Body) gzip() ([]byte, error) {
	level := gzip.BestSpeed
	if c.Effort == Utmost {
		level = gzip.BestCompression
	}
	out := bytes.NewBuffer(make([]byte, 0, len(c.Plain)/8))
	w, err := gzip.NewWriterLevel(out, level)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(c.Plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// GzipHead begins a gzip stream (RFC 1952, 2.3): deflate, of no file and no time. Its
// checksum would follow at the end, which a stream of events doesn't have.
var GzipHead = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}

// Deflated is text in deflate (RFC 1951) as a piece that needs none before it and ends with
// a whole byte. So pieces are packed once and sent to many, each of whom gets what was
// sent at once.
func Deflated(text []byte) []byte {
	out := bytes.NewBuffer(make([]byte, 0, len(text)/4))
	if err := flate.StatelessDeflate(out, text, false, nil); err != nil {
		panic(err) // memory takes everything
	}
	return out.Bytes()
}

// Takes says whether an Accept-Encoding header (RFC 9110, 12.5.3) names a coding, and
// does not refuse it by a weight of zero.
func Takes(accept, coding string) bool {
	for one := range strings.SplitSeq(accept, ",") {
		name, weight, _ := strings.Cut(one, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		q, weighted := strings.CutPrefix(strings.ToLower(strings.ReplaceAll(weight, " ", "")), "q=")
		return !weighted || strings.Trim(q, "0.") != ""
	}
	return false
}
