package mux

import (
	"math/bits"
	"sync"
)

// buffer holds what has come on a stream and was not read so far. Its memory follows what it holds: at most twice
// as much, and nothing while it is empty. It does no locking; one goroutine fills it and one drains it, and either
// may be at its bytes while the other changes positions under the session's lock.
type buffer struct {
	ring    []byte // its length is a power of two
	start   int
	length  int
	filling int // so many bytes are being written to the space that room has returned
}

// smallest is the size of the smallest ring, in bytes.
const smallest = 512

// rings keeps rings for the next buffer, by the logarithm of their size.
type rings struct{ pools [32]sync.Pool }

func (r *rings) get(atLeast int) []byte {
	class := bits.Len(uint(max(atLeast, smallest) - 1))
	if ring, ok := r.pools[class].Get().(*[]byte); ok {
		return *ring
	}
	return make([]byte, 1<<class)
}

func (r *rings) put(ring []byte) {
	r.pools[bits.Len(uint(len(ring)-1))].Put(&ring)
}

// room returns free space for n bytes, in one or two pieces. They count once filled is called.
func (b *buffer) room(from *rings, n int) (first, second []byte) {
	if b.length+n > len(b.ring) {
		larger := from.get(b.length + n)
		one, two := b.data()
		copy(larger[copy(larger, one):], two)
		b.ring, b.start = larger, 0 // the old one may still be read from, and is left to the collector
	}
	b.filling = n
	return b.span(b.start+b.length, n)
}

// filled adds n bytes, which were written to the space that room returned.
func (b *buffer) filled(n int) {
	b.length += n
	b.filling = 0
}

// held is how many bytes are there or about to be.
func (b *buffer) held() int { return b.length + b.filling }

// data returns all bytes, in one or two pieces.
func (b *buffer) data() (first, second []byte) { return b.span(b.start, b.length) }

// drop removes n bytes from the front.
func (b *buffer) drop(to *rings, n int) {
	b.length -= n
	if b.length == 0 && b.filling == 0 {
		to.put(b.ring)
		b.ring, b.start = nil, 0
		return
	}
	b.start = (b.start + n) & (len(b.ring) - 1)
}

// span returns n bytes of the ring from a position on.
func (b *buffer) span(from, n int) (first, second []byte) {
	if n == 0 {
		return nil, nil
	}
	from &= len(b.ring) - 1
	if from+n <= len(b.ring) {
		return b.ring[from : from+n], nil
	}
	return b.ring[from:], b.ring[:from+n-len(b.ring)]
}
