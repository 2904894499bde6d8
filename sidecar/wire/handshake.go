package wire

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Version is the protocol's version. Ends of different versions don't talk.
const Version = 3

// Purposes of a carrier. Bulk and interactive work use separate ones, so that a keystroke is not stuck behind
// megabytes.
const (
	PurposeInteractive = "interactive"
	PurposeBulk        = "bulk"
)

// Errors of the handshake.
var (
	ErrToken   = errors.New("the other end does not know the session's token")
	ErrVersion = errors.New("the other end speaks another version of the protocol")
)

// Hello is what an end says of itself.
type Hello struct {
	Version      int      `json:"version"`
	Build        string   `json:"build"` // release of the program, for diagnosis
	Session      string   `json:"session"`
	Purpose      string   `json:"purpose,omitempty"`
	Capabilities []string `json:"capabilities,omitempty"`
}

// Has says whether the end has a capability.
func (h Hello) Has(capability string) bool { return slices.Contains(h.Capabilities, capability) }

// maxGreeting limits each message of the handshake, in bytes: who it comes from is not known yet.
const maxGreeting = 16 << 10

// nonceSize and proofs are those of HMAC-SHA256.
const nonceSize = 32

// greeting is a Hello with a fresh nonce.
type greeting struct {
	Hello
	Nonce []byte `json:"nonce"`
}

type proof struct {
	HMAC []byte `json:"hmac,omitempty"`
	// Refused is why the end goes no further.
	Refused string `json:"refused,omitempty"`
}

// prove is the proof that a role knows the token, over the very bytes that both ends have said: an end that says
// more than the other understands proves the same.
func prove(token []byte, role string, client, server []byte) []byte {
	mac := hmac.New(sha256.New, token)
	fmt.Fprintf(mac, "nhctl carrier %d %s\n", Version, role)
	mac.Write(client) // each with its length
	mac.Write(server)
	return mac.Sum(nil)
}

// greet says hello, and returns what was said.
func greet(w io.Writer, h Hello) (said []byte, err error) {
	g := greeting{Hello: h, Nonce: make([]byte, nonceSize)}
	if _, err := rand.Read(g.Nonce); err != nil {
		return nil, err
	}
	if said, err = packFrame(g); err == nil {
		_, err = w.Write(said)
	}
	return said, err
}

// handshakeClient proves the client to the server and the server to the client; the server's proof comes first.
func handshakeClient(rw io.ReadWriter, token []byte, h Hello) (Hello, error) {
	mine, err := greet(rw, h)
	if err != nil {
		return Hello{}, err
	}
	var peer greeting
	theirs, err := receiveFrame(rw, &peer, maxGreeting)
	if err != nil {
		return Hello{}, err
	}
	if err := compatible(h, peer); err != nil {
		return peer.Hello, err
	}
	var p proof
	if err := readFrame(rw, &p, maxGreeting); err != nil {
		return peer.Hello, err
	}
	if !hmac.Equal(p.HMAC, prove(token, "server", mine, theirs)) {
		return peer.Hello, ErrToken
	}
	if err := writeFrame(rw, proof{HMAC: prove(token, "client", mine, theirs)}); err != nil {
		return peer.Hello, err
	}
	if err := readFrame(rw, &p, maxGreeting); err != nil {
		return peer.Hello, err
	}
	if p.Refused != "" {
		return peer.Hello, fmt.Errorf("%w: %s", ErrToken, p.Refused)
	}
	return peer.Hello, nil
}

// handshakeServer is the other side of handshakeClient. A client that names no session of this server is treated as
// one with a wrong token: only its own proof could tell it which of the two it is.
func handshakeServer(rw io.ReadWriter, tokenOf func(session string) ([]byte, error), h Hello) (Hello, error) {
	var peer greeting
	theirs, err := receiveFrame(rw, &peer, maxGreeting)
	if err != nil {
		return Hello{}, err
	}
	token, known := tokenOf(peer.Session)
	if known != nil || len(token) == 0 {
		known = errors.Join(ErrToken, known)
		token = make([]byte, nonceSize)
		if _, err := rand.Read(token); err != nil {
			return peer.Hello, err
		}
	}
	h.Session = peer.Session // this end says no name that it was not told
	mine, err := greet(rw, h)
	if err != nil {
		return peer.Hello, err
	}
	if err := compatible(h, peer); err != nil {
		return peer.Hello, err
	}
	if err := writeFrame(rw, proof{HMAC: prove(token, "server", theirs, mine)}); err != nil {
		return peer.Hello, err
	}
	var p proof
	if err := readFrame(rw, &p, maxGreeting); err != nil {
		return peer.Hello, err
	}
	if !hmac.Equal(p.HMAC, prove(token, "client", theirs, mine)) || known != nil {
		_ = writeFrame(rw, proof{Refused: "wrong proof"})
		return peer.Hello, errors.Join(ErrToken, known)
	}
	return peer.Hello, writeFrame(rw, proof{})
}

func compatible(mine Hello, theirs greeting) error {
	if theirs.Version != mine.Version {
		return fmt.Errorf("%w: here %d (%s), there %d (%s)", ErrVersion,
			mine.Version, mine.Build, theirs.Version, theirs.Build)
	}
	if len(theirs.Nonce) != nonceSize {
		return fmt.Errorf("nonce of %d bytes: want %d", len(theirs.Nonce), nonceSize)
	}
	return nil
}
