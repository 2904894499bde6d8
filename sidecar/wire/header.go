// Package wire is the carrier between a developer's computer and a sidecar: one authenticated WebSocket over any byte stream,
// with many streams on it. Both ends use it. It knows nothing of what the streams carry, nor of Kubernetes.
package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Kind says what a stream is for.
type Kind string

// The kinds of streams.
const (
	// KindSync carries the sync engine's protocol of one folder; parameters: SyncParams.
	KindSync Kind = "sync"
	// KindFill carries a whole folder to one that has nothing yet; parameters: SyncParams.
	KindFill Kind = "fill"
	// KindForward carries a TCP connection to a port of the pod; parameters: ForwardParams.
	KindForward Kind = "forward"
	// KindSupervisor carries HTTP to a dev container's supervisor; parameters: SupervisorParams.
	KindSupervisor Kind = "supervisor"
	// KindControl carries HTTP to the sidecar itself; no parameters.
	KindControl Kind = "control"
)

// SyncParams names a folder and says how it is synced. The computer's end decides; the sidecar follows.
type SyncParams struct {
	Folder   string          `json:"folder"`
	Settings json.RawMessage `json:"settings"`
	// Instance names the index of the computer's end.
	Instance string `json:"instance"`
}

// ForwardParams names a TCP port on the pod's loopback.
type ForwardParams struct {
	Port int `json:"port"`
}

// SupervisorParams names a dev container.
type SupervisorParams struct {
	Container string `json:"container"`
}

// Header is the first frame of each stream.
type Header struct {
	Kind   Kind            `json:"kind"`
	Params json.RawMessage `json:"params,omitempty"`
}

// maxFrame limits a header and a handshake message, in bytes. Ignore rules travel in a header, so it is not tiny.
const maxFrame = 1 << 20

// writeFrame writes a length (4 bytes, big endian) and a JSON document.
func writeFrame(w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(data) > maxFrame {
		return fmt.Errorf("frame of %d bytes: the limit is %d", len(data), maxFrame)
	}
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(data)), uint32(len(data)))
	_, err = w.Write(append(frame, data...))
	return err
}

// readFrame reads what writeFrame wrote.
func readFrame(r io.Reader, v any) error {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxFrame {
		return fmt.Errorf("frame of %d bytes: the limit is %d", n, maxFrame)
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(r, data); err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

// answer is the far end's reply to a header: empty when it takes the stream.
type answer struct {
	Refused string `json:"refused,omitempty"`
}

// ErrRefused says that the far end did not take a stream; the text has its reason.
var ErrRefused = errors.New("refused by the far end")
