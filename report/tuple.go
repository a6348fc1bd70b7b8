package report

import "net/netip"

// Limits of tuples.
const (
	// MaxTuples is how many connections of a row are named by their tuples.
	MaxTuples = 8
	// maxTuple is the largest hash: whole numbers up to 2^53 are exact in every
	// reader of JSON (RFC 8259, section 6).
	maxTuple = 1<<53 - 1
)

// Tuple is the hash of a connection's protocol and two ends, whatever their
// order, in 53 bits, never 0. Both ends of a connection give the same, unless
// addresses are translated between them. It is the 64-bit FNV-1a hash of the
// protocol's number (RFC 790), and of address (16 bytes, IPv4 mapped into IPv6)
// and port (big endian) of the lesser end and then of the other, its high half
// folded in by the finalizer of MurmurHash3.
func Tuple(p Protocol, a, b netip.AddrPort) uint64 {
	if b.Compare(a) < 0 {
		a, b = b, a
	}
	const offset, prime = 14695981039346656037, 1099511628211
	number := uint64(6)
	if p == UDP {
		number = 17
	}
	h := (offset ^ number) * prime
	for _, end := range [2]netip.AddrPort{a, b} {
		bytes := end.Addr().As16()
		for _, c := range bytes {
			h = (h ^ uint64(c)) * prime
		}
		h = (h ^ uint64(end.Port()>>8)) * prime
		h = (h ^ uint64(end.Port()&0xff)) * prime
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return max(h&maxTuple, 1)
}
