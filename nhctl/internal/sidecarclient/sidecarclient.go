// Package sidecarclient calls a sidecar's own HTTP over its session's carrier. It knows nothing of what a kind of
// session does with the answers.
package sidecarclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/bound"
	"github.com/nhctl/nhctl/sidecar/endpoint/control"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// Client calls a sidecar over streams of its session's carrier.
type Client struct {
	// Open opens a stream as soon as the carrier is up.
	Open func(ctx context.Context, kind wire.Kind, params any) (net.Conn, error)
}

// ErrNotYet says that the sidecar has no engine for the folder so far.
var ErrNotYet = errors.New("the folder is not synced yet")

// ErrLost says that the sidecar went away while it was asked.
var ErrLost = errors.New("the sidecar was lost")

// Call asks again when the sidecar goes away in the meantime, until ctx ends: every request may be repeated.
func (c Client) Call(ctx context.Context, method, path string, in, out any) error {
	return c.Ask(ctx, method, path, in, func(answer io.Reader) error {
		if out == nil {
			return nil
		}
		return decodeAnswer(bound.Reader(answer, control.MaxAnswer(path)), out)
	})
}

// Ask is Call with an answer that read reads, once for each answer; an answer that breaks off is an ErrLost.
func (c Client) Ask(ctx context.Context, method, path string, in any, read func(answer io.Reader) error) error {
	for {
		err := c.once(ctx, method, path, in, read)
		if !errors.Is(err, ErrLost) {
			return err
		}
		if delay.For(ctx, 50*time.Millisecond) != nil {
			return err
		}
	}
}

func (c Client) once(ctx context.Context, method, path string, in any, read func(answer io.Reader) error) error {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return c.Open(ctx, wire.KindControl, nil) }
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dial}}
	data, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://sidecar"+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if p := (*problem.Error)(nil); errors.As(err, &p) {
		return p // no carrier comes again
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotFound:
		return ErrNotYet
	case response.StatusCode >= http.StatusBadRequest:
		text, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
		return fmt.Errorf("sidecar: %s", strings.TrimSpace(string(text)))
	}
	return read(response.Body)
}

// decodeAnswer reads a sidecar's answer. One that breaks off may be complete the next time.
func decodeAnswer(from io.Reader, out any) error {
	err := json.NewDecoder(from).Decode(out)
	var over *bound.Error
	switch {
	case errors.As(err, &over):
		return fmt.Errorf("read the sidecar's answer: %w", err)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	return nil
}
