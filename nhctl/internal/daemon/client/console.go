package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/private"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// Attach opens a console. The connection has its conversation, and nothing else.
func Attach(ctx context.Context, dirs userdirs.Dirs, p rpc.Attach) (net.Conn, rpc.Attached, error) {
	return converse[rpc.Attached](ctx, dirs, rpc.MethodAttach, p)
}

// Carry opens a link to the gateway of a tunnel. The connection has the link, and nothing else.
func Carry(ctx context.Context, dirs userdirs.Dirs, p rpc.Carry) (net.Conn, error) {
	conn, _, err := converse[struct{}](ctx, dirs, rpc.MethodCarry, p)
	return conn, err
}

// converse makes a call from whose answer on the connection is the caller's.
func converse[R any](ctx context.Context, dirs userdirs.Dirs, method string, p any) (net.Conn, R, error) {
	var result R
	params, err := json.Marshal(p)
	if err != nil {
		return nil, result, err
	}
	line, err := json.Marshal(rpc.Message{Version: "2.0", ID: 1, Method: method, Params: params})
	if err != nil {
		return nil, result, err
	}
	conn, err := dialSocket(dirs)
	if errors.Is(err, private.ErrPeer) {
		err = notOurs(dirs, err)
	}
	if err != nil {
		return nil, result, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	reader := bufio.NewReader(conn)
	var reply rpc.Message
	if _, err = conn.Write(append(line, '\n')); err == nil {
		if line, err = reader.ReadBytes('\n'); err == nil {
			err = json.Unmarshal(line, &reply)
		}
	}
	if !stop() {
		err = context.Cause(ctx)
	}
	switch {
	case err != nil:
	case reply.Error != nil:
		err = problemOf(reply.Error.Data, reply.Error.Message)
	default:
		err = json.Unmarshal(reply.Result, &result)
	}
	if err != nil {
		conn.Close()
		return nil, result, err
	}
	return wire.Peeked{Conn: conn, Reader: reader}, result, nil
}
