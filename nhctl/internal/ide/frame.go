package ide

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	// mostBytes is how long a message of an editor may be.
	mostBytes = 16 << 20
	// mostHeader is how long the lines before it may be, together.
	mostHeader = 4 << 10
)

// readFrame reads a message with its header, as the Language Server Protocol has them. It returns io.EOF where the
// input ends between messages. jrpc2's own framing would take as much memory as a header says.
func readFrame(r *bufio.Reader) ([]byte, error) {
	length, left := -1, mostHeader
	for first := true; ; first = false {
		line, err := readLine(r, left)
		if err == io.EOF && line == "" && first {
			return nil, io.EOF
		}
		if err != nil {
			return nil, fmt.Errorf("read a header: %w", unexpected(err))
		}
		left -= len(line)
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("a header has no colon: %.40q", line)
		}
		if !strings.EqualFold(name, "Content-Length") {
			continue
		}
		if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil || length < 0 || length > mostBytes {
			return nil, fmt.Errorf("want a Content-Length of at most %d, got %.40q", mostBytes, value)
		}
	}
	if length < 0 {
		return nil, errors.New("a header has no Content-Length")
	}
	data := make([]byte, length)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, fmt.Errorf("read a message: %w", unexpected(err))
	}
	return data, nil
}

// unexpected is the error of an input that ends inside a message.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readLine reads a line of at most so many bytes.
func readLine(r *bufio.Reader, most int) (string, error) {
	var line []byte
	for len(line) < most {
		b, err := r.ReadByte()
		if err != nil {
			return string(line), err
		}
		if line = append(line, b); b == '\n' {
			return string(line), nil
		}
	}
	return "", fmt.Errorf("it has more than %d bytes", mostHeader)
}

// frame is a message with its header.
func frame(data []byte) []byte {
	return append(fmt.Appendf(nil, "Content-Length: %d\r\n\r\n", len(data)), data...)
}
