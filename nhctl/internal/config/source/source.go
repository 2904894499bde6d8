// Package source reads the files that a config is written in. It renders their text (variables, included files), parses
// it, and knows for each YAML node the place where it was written; it collects findings about such places. It knows no
// field of a config.
package source

import (
	"errors"
	"os"
	"strconv"
	"strings"
)

// Position is a place in a file. Line and Column count from 1; a column is a character.
type Position struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// Start is the beginning of a file.
func Start(file string) Position { return Position{file, 1, 1} }

// ErrUnread is the error of a reader that may not read a file. What names it is no mistake for that.
var ErrUnread = errors.New("it lies outside of the folders that may be read here, so it is left out")

// severity is that of a file that can't be read.
func severity(err error) string {
	if errors.Is(err, ErrUnread) {
		return Warning
	}
	return Error
}

// UnreadableFile is what to say of a file that can't be read.
func UnreadableFile(err error) Finding { return Finding{Severity: severity(err), Code: Unreadable} }

// Text is a file's text, without the byte order mark that editors on Windows begin it with.
func Text(data []byte) string { return strings.TrimPrefix(string(data), "\ufeff") }

// ReadFile reads a file that is no larger than a config may be.
func ReadFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > MaxSize {
		return nil, errors.New("it is larger than " + strconv.Itoa(MaxSize) + " bytes")
	}
	return os.ReadFile(path)
}
