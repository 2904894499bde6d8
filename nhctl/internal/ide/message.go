package ide

import (
	"bytes"
	"encoding/json"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// The codes of JSON-RPC for what is no call.
const (
	codeParse    = -32700
	codeInvalid  = -32600
	codeNoMethod = -32601
)

// message is one of JSON-RPC, in either direction.
type message struct {
	Version string            `json:"jsonrpc"`
	ID      json.RawMessage   `json:"id,omitempty"`
	Method  string            `json:"method,omitempty"`
	Params  json.RawMessage   `json:"params,omitempty"`
	Result  json.RawMessage   `json:"result,omitempty"`
	Error   *rpc.MessageError `json:"error,omitempty"`
}

// none is the id of what could not be read.
const none = "null"

// parse reads a message of an editor, or says what is wrong with it.
func parse(data []byte) (m message, wrong *rpc.MessageError) {
	trimmed := bytes.TrimSpace(data)
	switch {
	case !json.Valid(trimmed):
		return m, &rpc.MessageError{Code: codeParse, Message: "the message is no JSON"}
	case trimmed[0] == '[':
		return m, &rpc.MessageError{Code: codeInvalid, Message: "batches are not supported: send one call a message"}
	}
	if err := json.Unmarshal(trimmed, &m); err != nil {
		return message{}, &rpc.MessageError{Code: codeInvalid, Message: "the message is no call: " + err.Error()}
	}
	switch {
	case m.ID != nil && !named(m.ID):
		return message{}, &rpc.MessageError{Code: codeInvalid, Message: "an id is a text or a number"}
	case m.Version != "2.0":
		return m, &rpc.MessageError{Code: codeInvalid, Message: `want "jsonrpc": "2.0"`}
	case m.Method == "" && !m.answers():
		return m, &rpc.MessageError{Code: codeInvalid, Message: "the call has no method"}
	}
	return m, nil
}

// answers says that a message is an answer. nhctl asks nothing, so that no one waits for it.
func (m message) answers() bool { return m.Method == "" && (m.Result != nil || m.Error != nil) }

// named says whether an id is a text or a number.
func named(id json.RawMessage) bool {
	return id[0] == '"' || id[0] == '-' || id[0] >= '0' && id[0] <= '9'
}
