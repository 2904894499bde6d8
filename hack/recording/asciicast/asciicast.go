// Package asciicast makes, reads and writes recordings of a terminal in asciinema's format asciicast v2: a line of
// JSON with the terminal's size, then one for each piece of output, with its time. It knows nothing of what the output
// means.
package asciicast

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"
)

// version is the format's.
const version = 2

// Recording is what a terminal showed.
type Recording struct {
	// Width and Height are the terminal's, in characters.
	Width, Height int
	Title         string
	Output        []Output
}

// Output is a piece of output, and when it came, since the beginning.
type Output struct {
	At   time.Duration
	Text string
}

// header is the first line.
type header struct {
	Version int    `json:"version"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Title   string `json:"title,omitempty"`
}

// maxLine limits a line, in bytes.
const maxLine = 1 << 20

// Read reads a recording. Events that are no output, such as keys, are left out.
func Read(from io.Reader) (Recording, error) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxLine)
	var h header
	if !lines.Scan() {
		return Recording{}, fmt.Errorf("read the recording's first line: %w", orEnd(lines.Err()))
	}
	if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
		return Recording{}, fmt.Errorf("read the recording's first line: %w", err)
	}
	if h.Version != version || h.Width < 1 || h.Height < 1 {
		return Recording{}, fmt.Errorf("want an asciicast of version %d with a width and a height, got %+v", version, h)
	}
	r := Recording{Width: h.Width, Height: h.Height, Title: h.Title}
	for number := 2; lines.Scan(); number++ {
		var seconds float64
		var kind, text string
		if err := json.Unmarshal(lines.Bytes(), &[]any{&seconds, &kind, &text}); err != nil {
			return Recording{}, fmt.Errorf("read line %d of the recording: %w", number, err)
		}
		if kind == "o" {
			at := time.Duration(math.Round(seconds*1e6)) * time.Microsecond
			r.Output = append(r.Output, Output{At: at, Text: text})
		}
	}
	return r, lines.Err()
}

func orEnd(err error) error {
	if err == nil {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Write writes the recording, with times in microseconds.
func (r Recording) Write(to io.Writer) error {
	lines := json.NewEncoder(to)
	lines.SetEscapeHTML(false)
	if err := lines.Encode(header{Version: version, Width: r.Width, Height: r.Height, Title: r.Title}); err != nil {
		return err
	}
	for _, o := range r.Output {
		seconds := json.Number(fmt.Sprintf("%.6f", o.At.Seconds()))
		if err := lines.Encode([]any{seconds, "o", o.Text}); err != nil {
			return err
		}
	}
	return nil
}
