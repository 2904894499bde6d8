package rpc

import "encoding/json"

// Message is a line of JSON-RPC, as the two ends of a console's connection exchange it before its conversation.
type Message struct {
	Version string          `json:"jsonrpc"`
	ID      int             `json:"id"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *MessageError   `json:"error,omitempty"`
}

// MessageError is the error of a line; its data is a problem.Error.
type MessageError struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data,omitempty"`
}

// ErrorCode is the JSON-RPC code of every problem; the problem itself is in the error's data.
const ErrorCode = -32000
