package workload

// recent remembers values by key, within a bound. It keeps two generations:
// when the young one is full, it becomes the old one, and what was old is
// forgotten unless it was asked for since. So what is in use stays, at the cost
// of a map access.
type recent[V any] struct {
	young, old map[string]V
	bytes      int // of the keys of young
	maxCount   int // of a generation
	maxBytes   int
}

// newRecent remembers up to maxCount values with maxBytes of keys.
func newRecent[V any](maxCount, maxBytes int) *recent[V] {
	return &recent[V]{young: map[string]V{}, maxCount: maxCount / 2, maxBytes: maxBytes / 2}
}

func (r *recent[V]) get(key []byte) (V, bool) {
	if v, ok := r.young[string(key)]; ok {
		return v, true
	}
	v, ok := r.old[string(key)]
	if ok {
		r.put(string(key), v)
	}
	return v, ok
}

// put remembers v. A key longer than a generation may hold is not remembered.
func (r *recent[V]) put(key string, v V) {
	if len(key) > r.maxBytes {
		return
	}
	if _, known := r.young[key]; !known {
		if len(r.young) >= r.maxCount || r.bytes+len(key) > r.maxBytes {
			r.old, r.young, r.bytes = r.young, map[string]V{}, 0
		}
		r.bytes += len(key)
	}
	r.young[key] = v
}
