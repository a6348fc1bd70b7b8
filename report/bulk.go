package report

import (
	"bytes"
	"fmt"
)

// What the lists of one report may hold, all together. A few bytes of JSON are
// hundreds in memory, so this is counted before anything is decoded: 8 MiB of
// "{},{}," would be gigabytes.
const (
	maxEntries = MaxRows + MaxInterfaces + MaxNamespaces + MaxContainers + MaxForwards + MaxSources + MaxNotes + MaxShortages
	// maxInner bounds what stands in lists of entries: addresses, tuples.
	maxInner = MaxTuples*MaxRows + MaxAddresses
	// maxDepth is that of lists and objects in each other.
	maxDepth = 32
)

// checkBulk counts what the lists of a report or beat hold. It takes JSON as it
// comes: what is none is refused by who decodes it.
func checkBulk(raw []byte) error {
	return new(bulk).add(raw)
}

// bulk is how much there is so far.
type bulk struct {
	list           [maxDepth]bool // by depth: a list, not an object
	depth          int
	entries, inner int
}

func (b *bulk) add(raw []byte) error {
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			i = endOfString(raw, i)
		case '{', '[':
			if b.depth++; b.depth >= maxDepth {
				return broken("report", fmt.Sprintf("must have objects and lists less than %d deep in each other", maxDepth), b.depth)
			}
			b.list[b.depth] = raw[i] == '['
			b.count()
		case '}', ']':
			b.depth = max(b.depth-1, 0)
		case ',':
			b.count()
		}
	}
	if b.entries > maxEntries {
		return broken("report", fmt.Sprintf("must have at most %d entries in all its lists", maxEntries), b.entries)
	}
	if b.inner > maxInner {
		return broken("report", fmt.Sprintf("must have at most %d entries in lists of entries", maxInner), b.inner)
	}
	return nil
}

// count counts an entry, where that is in a list.
func (b *bulk) count() {
	switch {
	case !b.list[b.depth]:
	case b.depth <= 2: // a list of the report itself
		b.entries++
	default:
		b.inner++
	}
}

// endOfString is where the string ends that begins at i.
func endOfString(raw []byte, i int) int {
	for {
		n := bytes.IndexByte(raw[i+1:], '"')
		if n < 0 {
			return len(raw)
		}
		i += n + 1
		escapes := 0
		for j := i - 1; raw[j] == '\\'; j-- {
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
	}
}
