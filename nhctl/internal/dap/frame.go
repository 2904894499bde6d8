package dap

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Limits of a message. Either side may be anyone: code in a pod may listen in the debugger's place. The longest
// messages are a debugger's lists of variables and modules.
const (
	headerLimit  = 4 << 10
	messageLimit = 16 << 20
)

// errFrame says that a stream is none of messages; there is no way to find the next one.
var errFrame = errors.New("it is no message of the Debug Adapter Protocol")

// reader reads messages: headers with their Content-Length, a blank line, and JSON.
type reader struct{ from *bufio.Reader }

func newReader(from io.Reader) *reader { return &reader{bufio.NewReaderSize(from, headerLimit)} }

// next is the next message's JSON; io.EOF where the stream ends before one.
func (r *reader) next() ([]byte, error) {
	length, err := r.header()
	if err != nil {
		return nil, err
	}
	if length > messageLimit {
		return nil, fmt.Errorf("%w: it has %d bytes, and at most %d are taken", errFrame, length, messageLimit)
	}
	var content bytes.Buffer // it grows with what comes, and not with what was promised
	if _, err := io.CopyN(&content, r.from, length); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return content.Bytes(), nil
}

// header reads the lines up to the blank one, and returns the length of what follows.
func (r *reader) header() (length int64, err error) {
	length = -1
	for read := 0; ; {
		line, err := r.from.ReadSlice('\n')
		read += len(line)
		switch {
		case errors.Is(err, bufio.ErrBufferFull) || read > headerLimit:
			return 0, fmt.Errorf("%w: its header has no end", errFrame)
		case errors.Is(err, io.EOF) && read > 0:
			return 0, io.ErrUnexpectedEOF
		case err != nil:
			return 0, err
		}
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			break
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			return 0, fmt.Errorf("%w: %.40q is no header", errFrame, text)
		}
		if !strings.EqualFold(strings.TrimSpace(name), "Content-Length") {
			continue
		}
		if length, err = strconv.ParseInt(strings.TrimSpace(value), 10, 64); err != nil || length < 0 {
			return 0, fmt.Errorf("%w: its length is %.40q", errFrame, value)
		}
	}
	if length < 0 {
		return 0, fmt.Errorf("%w: it has no Content-Length", errFrame)
	}
	return length, nil
}

// framed is a message as it is sent.
func framed(content []byte) []byte {
	return append([]byte("Content-Length: "+strconv.Itoa(len(content))+"\r\n\r\n"), content...)
}
