package folderfs

import (
	"errors"
	iofs "io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/fs"
)

// received are the bytes that come.
type received struct {
	mu sync.Mutex
	// partial are those of files that are not complete, by temporary name; total are all that ever came.
	partial map[string]int64
	total   int64
	samples []sample
}

type sample struct {
	at    time.Time
	total int64
}

// The rate is that of a window, which has a sample at each interval.
const (
	rateWindow   = 3 * time.Second
	rateInterval = 100 * time.Millisecond
)

func newReceived() *received { return &received{partial: map[string]int64{}} }

// add counts bytes that came for a file.
func (r *received) add(temporary string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if len(r.samples) == 0 || now.Sub(r.samples[len(r.samples)-1].at) > rateInterval {
		r.samples = slices.DeleteFunc(r.samples, func(s sample) bool { return now.Sub(s.at) > rateWindow })
		r.samples = append(r.samples, sample{now, r.total})
	}
	r.partial[temporary] += int64(n)
	r.total += int64(n)
}

// complete forgets a file that has all its bytes, or that is given up.
func (r *received) complete(temporary string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.partial, temporary)
}

func (r *received) progress() (partial int64, rate float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.partial {
		partial += n
	}
	if len(r.samples) == 0 || time.Since(r.samples[len(r.samples)-1].at) > rateWindow {
		return partial, 0
	}
	if first := r.samples[0]; time.Since(first.at) > rateInterval {
		rate = float64(r.total-first.total) / time.Since(first.at).Seconds()
	}
	return partial, rate
}

// incoming is a file that is coming in.
type incoming struct {
	*os.File
	name     string
	received *received
}

func (f *incoming) Name() string { return f.name }

func (f *incoming) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	if err != nil {
		return nil, err
	}
	return openInfo{info}, nil
}

func (f *incoming) WriteAt(data []byte, at int64) (int, error) {
	n, err := f.File.WriteAt(data, at)
	f.received.add(f.name, n)
	if p := (*iofs.PathError)(nil); errors.As(err, &p) {
		p.Path = f.name
	}
	return n, err
}

// openInfo is what the system says of an open file, as the model wants to hear it.
type openInfo struct{ os.FileInfo }

func (i openInfo) Mode() fs.FileMode        { return fs.FileMode(i.FileInfo.Mode()) }
func (i openInfo) IsRegular() bool          { return i.FileInfo.Mode().IsRegular() }
func (openInfo) IsSymlink() bool            { return false }
func (openInfo) Owner() int                 { return -1 }
func (openInfo) Group() int                 { return -1 }
func (openInfo) InodeChangeTime() time.Time { return time.Time{} }
