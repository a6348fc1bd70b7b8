package roster

import (
	"iter"
	"slices"
)

// Several are values under keys, where most keys have one.
type Several[K, V comparable] map[K]few[V]

// few are one value, or more.
type few[V comparable] struct {
	one  V
	more []V
}

// Add adds a value. That it is there already is seen only if it was the last.
func (m Several[K, V]) Add(key K, v V) {
	f, there := m[key]
	switch {
	case !there:
		m[key] = few[V]{one: v}
	case len(f.more) == 0 && f.one == v || len(f.more) > 0 && f.more[len(f.more)-1] == v:
	default:
		f.more = append(f.more, v)
		m[key] = f
	}
}

// Remove removes a value, if it is there.
func (m Several[K, V]) Remove(key K, v V) {
	f, there := m[key]
	if !there {
		return
	}
	left := slices.DeleteFunc(slices.Collect(f.all()), func(x V) bool { return x == v })
	if len(left) == 0 {
		delete(m, key)
		return
	}
	m[key] = few[V]{left[0], left[1:]}
}

// All yields the values under a key.
func (m Several[K, V]) All(key K) iter.Seq[V] {
	f, there := m[key]
	if !there {
		return func(func(V) bool) {}
	}
	return f.all()
}

func (f few[V]) all() iter.Seq[V] {
	return func(yield func(V) bool) {
		if !yield(f.one) {
			return
		}
		for _, v := range f.more {
			if !yield(v) {
				return
			}
		}
	}
}
