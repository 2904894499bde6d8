package asciicast

import (
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Recorder is a writer that keeps what is written to it, and when.
type Recorder struct {
	// now is the time since the beginning.
	now func() time.Duration
	// names says what stands in the recording for texts that were written.
	names *strings.Replacer

	mu        sync.Mutex
	recording Recording
	paused    time.Duration
	rest      []byte // the beginning of a character whose end has not come yet
}

// NewRecorder records in the terminal of a recording. Of names, each text is followed by what stands for it.
func NewRecorder(of Recording, now func() time.Duration, names ...string) *Recorder {
	return &Recorder{now: now, names: strings.NewReplacer(names...), recording: of}
}

func (r *Recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rest = append(r.rest, p...)
	whole := len(r.rest)
	for i := max(0, whole-utf8.UTFMax); i < whole; i++ {
		if utf8.RuneStart(r.rest[i]) && !utf8.FullRune(r.rest[i:]) {
			whole = i
		}
	}
	if text := r.names.Replace(string(r.rest[:whole])); text != "" {
		r.recording.Output = append(r.recording.Output, Output{At: r.now() + r.paused, Text: text})
	}
	r.rest = r.rest[whole:]
	return len(p), nil
}

// Pause lets time pass in the recording alone, as for someone who reads.
func (r *Recorder) Pause(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paused += d
}

// Recording is what was written.
func (r *Recorder) Recording() Recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.recording
}
