// Package wire is the carrier between a developer's computer and a sidecar: one authenticated connection over any
// byte stream, with many streams on it (package mux), each of a kind that has a handler at the other end. Both ends
// use it. It knows nothing of what the streams carry, nor of Kubernetes.
package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
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
	// The kinds of an agent's streams; package request has their parameters and answers. KindDial carries a TCP
	// connection from the pod to elsewhere, KindFlow the datagrams of a UDP flow. KindResolve asks the pod's resolver,
	// KindAbout the agent how it is, and KindEnvironment for the environment of its container. KindFiles carries the
	// cluster's files of that container, as long as the stream is open.
	KindDial        Kind = "dial"
	KindFlow        Kind = "flow"
	KindResolve     Kind = "resolve"
	KindAbout       Kind = "about"
	KindEnvironment Kind = "environment"
	KindFiles       Kind = "files"
	// The kinds of a front's streams. KindRoute registers a rule, and lives as long as that. So does KindMirror for a
	// rule that claims nothing: a front that knows none must not take it for an exchange. KindRoutes asks how all rules
	// are. KindIntercept is opened by the agent: it carries what a rule has claimed to the computer that has
	// registered it.
	KindRoute     Kind = "route"
	KindMirror    Kind = "mirror"
	KindRoutes    Kind = "routes"
	KindIntercept Kind = "intercept"
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

// frameHeader is the size of a frame's length.
const frameHeader = 4

// packFrame makes a frame: a length (4 bytes, big endian) and a JSON document.
func packFrame(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(data) > maxFrame {
		return nil, fmt.Errorf("frame of %d bytes: the limit is %d", len(data), maxFrame)
	}
	packed := binary.BigEndian.AppendUint32(make([]byte, 0, frameHeader+len(data)), uint32(len(data)))
	return append(packed, data...), nil
}

// writeFrame writes a frame in one piece.
func writeFrame(w io.Writer, v any) error {
	packed, err := packFrame(v)
	if err == nil {
		_, err = w.Write(packed)
	}
	return err
}

// receiveFrame reads a frame with a document of at most limit bytes, and returns it as it came, too. Memory follows
// what has come, not what was announced.
func receiveFrame(r io.Reader, v any, limit int) (packed []byte, err error) {
	var buffer bytes.Buffer
	if _, err := io.CopyN(&buffer, r, frameHeader); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(buffer.Bytes())
	if int64(n) > int64(limit) {
		return nil, fmt.Errorf("frame of %d bytes: the limit is %d", n, limit)
	}
	if _, err := io.CopyN(&buffer, r, int64(n)); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(buffer.Bytes()[frameHeader:], v); err != nil {
		return nil, fmt.Errorf("frame: %w", err)
	}
	return buffer.Bytes(), nil
}

// readFrame reads what writeFrame wrote.
func readFrame(r io.Reader, v any, limit int) error {
	_, err := receiveFrame(r, v, limit)
	return err
}

// answer is the far end's reply to a header: empty when it takes the stream.
type answer struct {
	Refused string `json:"refused,omitempty"`
	Code    string `json:"code,omitempty"`
}
