// Package subscription is what subscriptions of every topic have in common: the present state of a topic, readers who
// each get a snapshot and then changes, a limit to how often, and sources that their readers share. It knows neither
// clusters nor connections.
package subscription

import (
	"encoding/json"
	"sync"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// State is a topic at this moment: its items by their keys. One source sets it, and any number of readers follow it.
// It keeps no queue for them: a reader learns how the state differs from the one that it knows.
type State[T any] struct {
	// same says whether two items with one key are equal for their readers.
	same func(a, b T) bool

	mu       sync.Mutex
	items    map[string]item[T]
	trouble  *problem.Error
	revision uint64        // 0 until the state was set
	change   chan struct{} // closed and replaced at each change
}

type item[T any] struct {
	value    T
	revision uint64 // of the state when it became what it is
}

// NewState returns a state that was not set yet. same says whether two items with one key are equal for their readers;
// nil compares all that their JSON has.
func NewState[T any](same func(a, b T) bool) *State[T] {
	if same == nil {
		same = SameJSON[T]
	}
	return &State[T]{same: same, items: map[string]item[T]{}, change: make(chan struct{})}
}

// SameJSON says whether two values have the same JSON.
func SameJSON[T any](a, b T) bool {
	first, err := json.Marshal(a)
	second, otherErr := json.Marshal(b)
	return err == nil && otherErr == nil && string(first) == string(second)
}

// Set sets all items. Trouble says why they may not be those of this moment; nil means that they are.
func (s *State[T]) Set(items map[string]T, trouble *problem.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, changed := s.revision+1, s.revision == 0
	for key, value := range items {
		if old, there := s.items[key]; !there || !s.same(old.value, value) {
			s.items[key] = item[T]{value, next}
			changed = true
		}
	}
	for key := range s.items {
		if _, there := items[key]; !there {
			delete(s.items, key)
			changed = true
		}
	}
	s.tell(changed, next, trouble)
}

// Fail keeps the items, and says why they may not be those of this moment.
func (s *State[T]) Fail(trouble *problem.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell(s.revision == 0, s.revision+1, trouble)
}

// tell wakes the readers of a change. The lock is held.
func (s *State[T]) tell(changed bool, next uint64, trouble *problem.Error) {
	if !changed && message(trouble) == message(s.trouble) {
		return
	}
	s.revision, s.trouble = next, trouble
	close(s.change)
	s.change = make(chan struct{})
}

func message(p *problem.Error) string {
	if p == nil {
		return ""
	}
	return p.Message
}

// Update is how a state differs from the one that a reader knows.
type Update[T any] struct {
	// Snapshot says that Items are all.
	Snapshot bool
	Items    map[string]T
	// Gone are the keys of items that are there no more.
	Gone    []string
	Trouble *problem.Error
}

// reader knows a state as it was.
type reader[T any] struct {
	state    *State[T]
	known    map[string]uint64 // revisions of items; nil before the first snapshot
	revision uint64
	trouble  string
}

// next returns how the state differs from what the reader knows, which it knows from then on; ok is false where it does
// not differ, and change is closed at the next change.
func (r *reader[T]) next() (u Update[T], ok bool, change <-chan struct{}) {
	s := r.state
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.revision == r.revision {
		return u, false, s.change
	}
	r.revision = s.revision
	u = Update[T]{Snapshot: r.known == nil, Items: map[string]T{}, Trouble: s.trouble}
	if r.known == nil {
		r.known = map[string]uint64{}
	}
	for key, i := range s.items {
		if r.known[key] != i.revision {
			u.Items[key], r.known[key] = i.value, i.revision
		}
	}
	for key := range r.known {
		if _, there := s.items[key]; !there {
			u.Gone = append(u.Gone, key)
			delete(r.known, key)
		}
	}
	news := u.Snapshot || len(u.Items)+len(u.Gone) > 0 || message(s.trouble) != r.trouble
	r.trouble = message(s.trouble)
	return u, news, s.change
}
