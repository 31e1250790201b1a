package render

import "sync"

// memo remembers the results of a pure function. It forgets everything when it
// is full, which bounds memory for fleets whose texts are all different.
type memo[K comparable, V any] struct {
	mu     sync.Mutex
	values map[K]V
}

const memoLimit = 8192

func (m *memo[K, V]) get(key K, make func() V) V {
	m.mu.Lock()
	v, ok := m.values[key]
	m.mu.Unlock()
	if ok {
		return v
	}
	v = make()
	m.put(key, v)
	return v
}

func (m *memo[K, V]) put(key K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil || len(m.values) >= memoLimit {
		m.values = map[K]V{}
	}
	m.values[key] = v
}
