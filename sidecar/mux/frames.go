package mux

import (
	"encoding/binary"
	"fmt"

	"github.com/nhctl/nhctl/sidecar/frame"
)

// The kinds of frames. A frame is as in package frame: its kind, its length, and its body. The body of each begins
// with the number of its stream (4 bytes, big endian), except for ping and pong. A kind that an end does not know
// is skipped.
const (
	// kindOpen opens a stream: the opener's window (4 bytes), then the first data.
	kindOpen byte = iota + 1
	// kindData carries data.
	kindData
	// kindWindow lets the other end send so many more bytes (4 bytes).
	kindWindow
	// kindStarved says that its sender has data to send and no window left.
	kindStarved
	// kindFin ends its sender's data.
	kindFin
	// kindReset ends the stream in both directions; the rest is the reason, as text.
	kindReset
	// kindPing and kindPong carry a number (8 bytes); a pong repeats that of the ping.
	kindPing
	kindPong
)

const (
	numberSize = 4
	// maxPayload is how many bytes of data a frame has at most. Each frame costs a few system calls and copies at
	// every hop on the way to a pod; a larger one would make the frames of other streams wait for longer.
	maxPayload = 128 << 10
	// MaxFrame is the size of the largest frame, in bytes.
	MaxFrame = frame.HeaderSize + numberSize + maxPayload
	// maxReason is how many bytes of a reset's reason are sent and read.
	maxReason = 256
	// maxUnknown is the largest frame of an unknown kind that is skipped.
	maxUnknown = 64 << 10
)

// appendHeader adds to a buffer what comes before so many bytes of a stream's data.
func appendHeader(buffer []byte, kind byte, stream uint32, size int) []byte {
	buffer = binary.BigEndian.AppendUint32(append(buffer, kind), uint32(numberSize+size))
	return binary.BigEndian.AppendUint32(buffer, stream)
}

// appendFrame adds a frame of a stream to a buffer.
func appendFrame(buffer []byte, kind byte, stream uint32, data []byte) []byte {
	return append(appendHeader(buffer, kind, stream, len(data)), data...)
}

// appendWindow adds a frame whose body begins with a window.
func appendWindow(buffer []byte, kind byte, stream uint32, window int, data []byte) []byte {
	buffer = binary.BigEndian.AppendUint32(append(buffer, kind), uint32(2*numberSize+len(data)))
	buffer = binary.BigEndian.AppendUint32(buffer, stream)
	buffer = binary.BigEndian.AppendUint32(buffer, uint32(window))
	return append(buffer, data...)
}

func appendPing(buffer []byte, kind byte, number uint64) []byte {
	buffer = binary.BigEndian.AppendUint32(append(buffer, kind), 8)
	return binary.BigEndian.AppendUint64(buffer, number)
}

// checkLength says whether a frame of a kind may be so long.
func checkLength(kind byte, length int) error {
	least, most := numberSize, numberSize
	switch kind {
	case kindOpen:
		least, most = 2*numberSize, 2*numberSize+floor
	case kindData:
		most = numberSize + maxPayload
	case kindWindow:
		least, most = 2*numberSize, 2*numberSize
	case kindReset:
		most = numberSize + maxReason
	case kindPing, kindPong:
		least, most = 8, 8
	case kindStarved, kindFin:
	default:
		least, most = 0, maxUnknown
	}
	if length < least || length > most {
		return fmt.Errorf("%w: a frame of kind %d with %d bytes, want %d to %d", errProtocol, kind, length, least, most)
	}
	return nil
}
