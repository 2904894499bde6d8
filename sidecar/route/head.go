package route

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
)

// maxHead limits the head of a message, in bytes.
const maxHead = 64 << 10

// errForeign says that something is no HTTP/1 that this package reads. What was read of it is still there.
var errForeign = errors.New("not HTTP/1")

// head is that of a message of HTTP/1, with its bytes as they came.
type head struct {
	request
	raw    []byte
	minor  int // of the version
	status int // of a response
}

// readHead reads a head. What it is not sure about is foreign: then raw has the bytes that were read.
func readHead(in *reader, parse func(h *head, line string) bool) (h *head, err error) {
	h = &head{}
	for line := 0; ; line++ {
		text, err := in.line(&h.raw)
		if err != nil {
			return h, err
		}
		switch {
		case line == 0 && text == "" && len(h.raw) <= len("\r\n"): // some clients send one after a body
			line--
		case line == 0:
			if !parse(h, text) {
				return h, errForeign
			}
		case text == "":
			return h, nil
		default:
			name, value, found := strings.Cut(text, ":")
			if !found || !token(name) { // so are lines that continue others
				return h, errForeign
			}
			h.fields = append(h.fields, field{strings.ToLower(name), strings.Trim(value, " \t")})
		}
	}
}

// line reads a line and adds it to raw; it returns it without its end.
func (r *reader) line(raw *[]byte) (string, error) {
	begin := len(*raw)
	for {
		held, err := r.more()
		if err != nil {
			return "", err
		}
		n := len(held)
		end := bytes.IndexByte(held, '\n')
		if end >= 0 {
			n = end + 1
		}
		*raw = append(*raw, held[:n]...)
		r.take(n)
		switch {
		case len(*raw) > maxHead, begin == 0 && !mayBegin(*raw):
			return "", errForeign
		case end >= 0:
			return strings.TrimSuffix(strings.TrimSuffix(string((*raw)[begin:]), "\n"), "\r"), nil
		}
	}
}

// mayBegin says whether bytes can be the beginning of a request or a response: a token or a version, and text.
func mayBegin(raw []byte) bool {
	word, _, _ := bytes.Cut(raw, []byte(" "))
	const longest = 32
	return len(word) <= longest && !bytes.ContainsFunc(raw, func(c rune) bool {
		return c < ' ' && c != '\r' && c != '\n' || c == 0x7f
	})
}

// requestLine reads the first line of a request.
func requestLine(h *head, line string) bool {
	method, rest, _ := strings.Cut(line, " ")
	target, version, _ := strings.Cut(rest, " ")
	h.method, h.target = method, target
	return token(method) && target != "" && h.version(version)
}

// statusLine reads the first line of a response.
func statusLine(h *head, line string) bool {
	version, rest, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(rest, " ")
	var err error
	h.status, err = strconv.Atoi(code)
	return err == nil && len(code) == len("200") && h.status >= 100 && h.version(version)
}

func (h *head) version(text string) bool {
	switch text {
	case "HTTP/1.1":
		h.minor = 1
	case "HTTP/1.0":
	default:
		return false
	}
	return true
}

// with is the head with lines added to it.
func (h *head) with(lines ...string) []byte {
	end := len(h.raw) - len("\n")
	if bytes.HasSuffix(h.raw, []byte("\r\n")) {
		end--
	}
	out := make([]byte, 0, len(h.raw)+len(lines)*64)
	out = append(out, h.raw[:end]...)
	for _, line := range lines {
		out = append(append(out, line...), "\r\n"...)
	}
	return append(out, h.raw[end:]...)
}

// lasts says whether the connection goes on after the message.
func (h *head) lasts() bool {
	options := h.listed("connection")
	for _, o := range options {
		if o == "close" {
			return false
		}
	}
	if h.minor > 0 {
		return true
	}
	for _, o := range options {
		if o == "keep-alive" {
			return true
		}
	}
	return false
}

// requestBody is how the body of a request ends. One that can be read in two ways is foreign.
func (h *head) requestBody() (body, error) {
	b, err := h.framed()
	if b == nil && err == nil {
		b = &counted{}
	}
	return b, err
}

// responseBody is how the body of the answer to a request ends.
func (h *head) responseBody(to string) body {
	const noContent, notModified = 204, 304
	if to == "HEAD" || h.status < 200 || h.status == noContent || h.status == notModified {
		return &counted{}
	}
	b, err := h.framed()
	if b == nil || err != nil {
		return untilEnd{}
	}
	return b
}

func (h *head) framed() (body, error) {
	codings, lengths := h.listed("transfer-encoding"), h.listed("content-length")
	switch {
	case len(codings) == 1 && codings[0] == "chunked" && len(lengths) == 0 && h.minor > 0:
		return &chunked{}, nil
	case len(codings) > 0:
		return nil, errForeign
	case len(lengths) == 0:
		return nil, nil
	}
	n, err := strconv.ParseUint(lengths[0], 10, 63)
	for _, other := range lengths {
		if err != nil || other != lengths[0] || strings.HasPrefix(other, "+") {
			return nil, errForeign
		}
	}
	return &counted{left: int64(n)}, nil
}

// body finds the end of a message's body.
type body interface {
	// take says how many of the next bytes belong to it. It takes all of them, unless it ends among them.
	take(b []byte) (n int, err error)
	over() bool
}

// counted is a body of a known length.
type counted struct{ left int64 }

func (c *counted) over() bool { return c.left == 0 }

func (c *counted) take(b []byte) (int, error) {
	n := min(int64(len(b)), c.left)
	c.left -= n
	return int(n), nil
}

// untilEnd is a body that ends with its connection.
type untilEnd struct{}

func (untilEnd) over() bool                 { return false }
func (untilEnd) take(b []byte) (int, error) { return len(b), nil }

// chunked is a body in chunks, with trailers.
type chunked struct {
	part    chunkPart
	size    int64 // what is left of a chunk
	digits  int
	ignore  bool // the rest of a size's line
	written int  // bytes of a line
}

type chunkPart int

const (
	chunkSize chunkPart = iota
	chunkData
	chunkEnd // the line's end after its data
	trailers
	chunksOver
)

var errChunk = errors.New("a chunk that is none")

func (c *chunked) over() bool { return c.part == chunksOver }

func (c *chunked) take(b []byte) (n int, err error) {
	for n < len(b) && !c.over() {
		if c.part == chunkData {
			step := min(int64(len(b)-n), c.size)
			n += int(step)
			if c.size -= step; c.size == 0 {
				c.part = chunkEnd
			}
			continue
		}
		if err := c.text(b[n]); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// text takes a byte of a line.
func (c *chunked) text(b byte) error {
	if c.written++; c.written > maxHead {
		return errChunk
	}
	switch c.part {
	case chunkSize:
		return c.sizeByte(b)
	case chunkEnd:
		if b == '\n' {
			c.part, c.written, c.digits, c.ignore = chunkSize, 0, 0, false
		} else if b != '\r' {
			return errChunk
		}
	case trailers:
		switch {
		case b == '\n' && !c.ignore:
			c.part = chunksOver
		case b == '\n':
			c.ignore = false
		case b != '\r':
			c.ignore = true
		}
	}
	return nil
}

func (c *chunked) sizeByte(b byte) error {
	digit, err := strconv.ParseUint(string(rune(b)), 16, 8)
	const most = 15 // of hexadecimal digits, so that the size is no negative number
	switch {
	case b == '\n' && c.digits > 0:
		c.part, c.written, c.ignore = chunkData, 0, false
		if c.size == 0 {
			c.part = trailers
		}
	case c.ignore:
	case err == nil && b < 0x80 && c.digits < most:
		c.size, c.digits = c.size<<4|int64(digit), c.digits+1
	case c.digits > 0 && (b == ';' || b == ' ' || b == '\t' || b == '\r'):
		c.ignore = true
	default:
		return errChunk
	}
	return nil
}

// copyBody passes a body on as it comes.
func copyBody(to io.Writer, in *reader, b body) error {
	for !b.over() {
		held, err := in.more()
		if err != nil {
			_, ends := b.(untilEnd)
			switch {
			case errors.Is(err, io.EOF) && ends:
				return nil
			case errors.Is(err, io.EOF):
				return io.ErrUnexpectedEOF
			}
			return err
		}
		n, err := b.take(held)
		if err != nil {
			return err
		}
		_, err = to.Write(held[:n])
		in.take(n)
		if err != nil {
			return err
		}
	}
	return nil
}
