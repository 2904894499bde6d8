package filesync

import (
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/syncthing/syncthing/lib/protocol"
)

// What is brought back is what was deleted, whatever the pod answers.
func TestMatches(t *testing.T) {
	t.Parallel()
	hash := sha256.Sum256([]byte("mine"))
	b := protocol.BlockInfo{Size: 4, Hash: hash[:]}
	for data, want := range map[string]error{"mine": nil, "evil": errOtherBytes, "": errOtherBytes,
		"mine and more": errOtherBytes} {
		if err := matches([]byte(data), b); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", data, err, want)
		}
	}
}
