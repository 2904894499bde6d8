package supervise

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/nhctl/nhctl/sidecar/bound"
)

// Tool is a program that commands may need.
type Tool struct {
	// Arch is the architecture of the container's programs, as Go calls it.
	Arch string `json:"arch"`
	// Path is the program's: in the image, or where it was brought; empty where there is none.
	Path string `json:"path,omitempty"`
}

// Tool looks for a program in the container.
func (c *Client) Tool(ctx context.Context, name string) (Tool, error) {
	content, err := c.do(ctx, http.MethodGet, "/v1/tools/"+name, nil)
	if err != nil {
		return Tool{}, err
	}
	defer content.Close()
	var t Tool
	return t, json.NewDecoder(bound.Reader(content, maxAnswer)).Decode(&t)
}

// Bring brings a program of that many bytes into the container, for those commands that find none of the image's. It
// arrives whole or not at all.
func (c *Client) Bring(ctx context.Context, name string, program io.Reader, size int64) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, address+"/v1/tools/"+name, program)
	if err != nil {
		return err
	}
	request.ContentLength = size
	body, err := c.send(request)
	if err != nil {
		return err
	}
	return body.Close()
}
