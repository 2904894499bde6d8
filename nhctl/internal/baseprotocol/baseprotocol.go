// Package baseprotocol frames messages as editors do on standard streams: the base protocol of the Language Server
// Protocol, which the Debug Adapter Protocol has too. A message is a header with its Content-Length, a blank line, and
// JSON.
package baseprotocol

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// MaxHeader is how long the lines before a message may be together, in bytes.
const MaxHeader = 4 << 10

// ErrFrame says that a stream does not hold messages: there is no way to find the next one.
var ErrFrame = errors.New("no message with a Content-Length")

// Reader reads messages. The other end may be anyone: a message takes memory for what comes, not for what its header
// promises.
type Reader struct {
	from *bufio.Reader
	most int64
}

// NewReader returns a reader of messages of at most so many bytes.
func NewReader(from io.Reader, most int64) *Reader {
	return &Reader{bufio.NewReaderSize(from, MaxHeader), most}
}

// Next returns the next message, without its header; io.EOF where the stream ends between two messages.
func (r *Reader) Next() ([]byte, error) {
	length, err := r.header()
	if err != nil {
		return nil, err
	}
	if length > r.most {
		return nil, fmt.Errorf("%w: it has %d bytes, and at most %d are taken", ErrFrame, length, r.most)
	}
	var message bytes.Buffer
	if _, err := io.CopyN(&message, r.from, length); err != nil {
		return nil, unexpected(err)
	}
	return message.Bytes(), nil
}

// header reads the lines up to the blank one, and returns the length of the message behind it.
func (r *Reader) header() (length int64, err error) {
	length = -1
	for read := 0; ; {
		line, err := r.from.ReadSlice('\n')
		read += len(line)
		switch {
		case errors.Is(err, bufio.ErrBufferFull) || read > MaxHeader:
			return 0, fmt.Errorf("%w: its header is longer than %d bytes", ErrFrame, MaxHeader)
		case err != nil && read > 0:
			return 0, unexpected(err)
		case err != nil:
			return 0, err
		}
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			break
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			return 0, fmt.Errorf("%w: a line of its header has no colon: %.40q", ErrFrame, text)
		}
		if !strings.EqualFold(strings.TrimSpace(name), "Content-Length") {
			continue
		}
		if length, err = strconv.ParseInt(strings.TrimSpace(value), 10, 64); err != nil || length < 0 {
			return 0, fmt.Errorf("%w: its length is %.40q", ErrFrame, value)
		}
	}
	if length < 0 {
		return 0, fmt.Errorf("%w: its header has none", ErrFrame)
	}
	return length, nil
}

// unexpected is the error of a stream that ends inside a message.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Frame is a message with its header.
func Frame(message []byte) []byte {
	return append(fmt.Appendf(nil, "Content-Length: %d\r\n\r\n", len(message)), message...)
}
