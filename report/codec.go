package report

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
)

// ErrTooLarge is wrapped by the error for a report above [MaxBytes].
var ErrTooLarge = errors.New("report too large")

// Encode writes r as gzipped JSON, the form in which reports travel.
func Encode(w io.Writer, r *Report) error { return new(Encoder).Encode(w, r) }

// Encoder encodes report after report in the same memory, of which packing takes
// most of a megabyte. The zero value is ready; it is for one goroutine at a time.
type Encoder struct{ zip *gzip.Writer }

// Encode is [Encode].
func (e *Encoder) Encode(w io.Writer, r *Report) error {
	if e.zip == nil {
		e.zip = gzip.NewWriter(w)
	} else {
		e.zip.Reset(w)
	}
	if err := json.NewEncoder(e.zip).Encode(r); err != nil {
		return fmt.Errorf("encoding report of %s: %w", r.Node.Name, err)
	}
	if err := e.zip.Close(); err != nil {
		return fmt.Errorf("packing report of %s: %w", r.Node.Name, err)
	}
	return nil
}

// Decode reads one report, gzipped or plain JSON (told apart by gzip's magic
// bytes, RFC 1952), without ever holding more than [MaxBytes] of it. It checks
// the form only; the caller validates with the time of arrival.
func Decode(body io.Reader) (*Report, error) {
	raw, err := unpack(body)
	if err != nil {
		return nil, err
	}
	r, ok := quickReport(raw)
	if !ok {
		if r, err = decodeReport(raw); err != nil {
			return nil, err
		}
	}
	r.unmap()
	return r, nil
}

// decodeReport decodes a report in any form that JSON may have.
func decodeReport(raw []byte) (*Report, error) {
	var r Report
	dec := json.NewDecoder(bytes.NewReader(raw))
	if err := dec.Decode(&r); err != nil {
		return nil, malformed(err, raw)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, broken("report", "must be one JSON object and nothing after it", fmt.Sprintf("more text at byte %d", dec.InputOffset()))
	}
	return &r, nil
}

// usualBytes is more than most beats have, unpacked.
const usualBytes = 8 << 10

// unpackers are used again: each takes 40 KiB.
var unpackers = sync.Pool{New: func() any { return new(gzip.Reader) }}

func unpack(body io.Reader) ([]byte, error) {
	head := make([]byte, 2)
	n, err := io.ReadFull(body, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading report: %w", err)
	}
	src := io.MultiReader(bytes.NewReader(head[:n]), body)
	if n == 2 && head[0] == 0x1f && head[1] == 0x8b {
		zr := unpackers.Get().(*gzip.Reader)
		defer unpackers.Put(zr)
		if err := zr.Reset(src); err != nil {
			return nil, fmt.Errorf("unpacking report: %w", err)
		}
		src = zr
	}
	text := bytes.NewBuffer(make([]byte, 0, usualBytes))
	if _, err := text.ReadFrom(io.LimitReader(src, MaxBytes+1)); err != nil {
		return nil, fmt.Errorf("unpacking report: %w", err)
	}
	raw := text.Bytes()
	if len(raw) > MaxBytes {
		return nil, fmt.Errorf("%w: report must be at most %d bytes unpacked", ErrTooLarge, MaxBytes)
	}
	return raw, checkBulk(raw)
}

// unmap turns IPv4-mapped IPv6 addresses (RFC 4291, 2.5.5.2) into IPv4 and drops
// zone identifiers (RFC 4007), which mean something on one host only, so that
// one address has one spelling.
func (r *Report) unmap() {
	for i := range r.Listeners {
		plain(&r.Listeners[i].Address)
	}
	for i := range r.Connections {
		plain(&r.Connections[i].Peer)
		plain(&r.Connections[i].Local)
		plain(&r.Connections[i].Called)
		plainPort(&r.Connections[i].Via)
	}
	for i := range r.Forwards {
		plainPort(&r.Forwards[i].From)
		plainPort(&r.Forwards[i].To)
	}
	for i := range r.Sources {
		plain(&r.Sources[i].Client)
		plain(&r.Sources[i].As)
		plainPort(&r.Sources[i].Server)
	}
	for i := range r.Namespaces {
		for j := range r.Namespaces[i].Addresses {
			plain(&r.Namespaces[i].Addresses[j])
		}
	}
}

func plain(a *netip.Addr) { *a = a.Unmap().WithZone("") }

func plainPort(a *netip.AddrPort) {
	*a = netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}
