package filesync

import (
	"math"
	"testing"

	"github.com/syncthing/syncthing/lib/protocol"
)

// asked is a model that counts what it is asked for.
type asked struct {
	protocol.Model
	times int
}

func (a *asked) Request(protocol.Connection, *protocol.Request) (protocol.RequestResponse, error) {
	a.times++
	return nil, nil
}

// A peer gets blocks by their hashes. The model does not see other requests, for which it would make room.
func TestRequests(t *testing.T) {
	t.Parallel()
	hash := make([]byte, 32)
	for _, test := range []struct {
		name    string
		request protocol.Request
		reaches bool
	}{
		{"a block", protocol.Request{Size: protocol.MaxBlockSize, Hash: hash}, true},
		{"more than a block", protocol.Request{Size: protocol.MaxBlockSize + 1, Hash: hash}, false},
		{"2 GiB", protocol.Request{Size: math.MaxInt32, Hash: hash}, false},
		{"no hash", protocol.Request{Size: 1}, false},
	} {
		model := &asked{}
		_, err := heard{Model: model}.Request(nil, &test.request)
		if reached := model.times == 1; reached != test.reaches || (err == nil) != test.reaches {
			t.Errorf("%s: reaches the model: %t, %v", test.name, reached, err)
		}
	}
}
