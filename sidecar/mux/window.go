package mux

// A window is how many bytes an end takes on a stream beyond those that its program has read: those that it holds,
// and those that the other end may still send. All windows of a session come out of one budget, so that no far end
// and no slow program decides how much memory a session takes: maxStreams times floor, which each stream has from
// the start, and growth, which they share.
const (
	// floor is the smallest window. An opener may send as much before it hears of the other end.
	floor = 8 << 10
	// usual is the window of a new stream, while there is plenty of budget.
	usual = 128 << 10
	// largest is the largest window: enough for 200 MB/s on a link of 20 ms.
	largest = 4 << 20
	// growth is what the streams of a session may have beyond the floor, together.
	growth = 16 << 20
	// maxStreams limits the streams that a session has at a time.
	maxStreams = 2048
)

// budget is what is left of growth. It is never used up: a stream gets a part of what is left.
type budget struct{ free int }

// first returns the window of a new stream.
func (b *budget) first() int {
	window := min(max(b.free/128, floor), usual)
	b.free -= window - floor
	return window
}

// grow returns the next larger window, or the same one where that would take too much of what is left.
func (b *budget) grow(window int) int {
	next := min(2*window, largest)
	if next-window > b.free/4 {
		return window
	}
	b.free -= next - window
	return next
}

// release takes a stream's window back.
func (b *budget) release(window int) { b.free += window - floor }
