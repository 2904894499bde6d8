package kube

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Context is a context of a kubeconfig, without credentials.
type Context struct {
	Name, Cluster, Server, User, Namespace string
	// Current says that it is meant where none is named.
	Current bool
}

// Contexts reads the contexts of the caller's kubeconfig files.
func Contexts(o Options) ([]Context, error) {
	raw, err := o.loader().RawConfig()
	if err != nil {
		return nil, problem.New(problem.Usage, "read kubeconfig: %w", err).
			WithHint("name the right file with --kubeconfig or $KUBECONFIG")
	}
	var all []Context
	for name, c := range raw.Contexts {
		context := Context{
			Name:      name,
			Cluster:   c.Cluster,
			User:      c.AuthInfo,
			Namespace: c.Namespace,
			Current:   name == raw.CurrentContext,
		}
		if cluster := raw.Clusters[c.Cluster]; cluster != nil {
			context.Server = cluster.Server
		}
		all = append(all, context)
	}
	return all, nil
}

// Access is a hash of the server and of the credentials that the client comes with: two clients with the same one may
// do and see the same.
func (c *Client) Access() string {
	if c.config == nil { // made around an API that is there already
		return ""
	}
	text, err := json.Marshal([]any{
		c.Identity,
		c.config.Username,
		c.config.Password,
		c.config.BearerToken,
		c.config.BearerTokenFile,
		c.config.Impersonate,
		c.config.CertFile,
		c.config.KeyFile,
		c.config.CertData,
		c.config.KeyData,
		c.config.AuthProvider,
		c.config.ExecProvider,
	})
	if err != nil { // such a client shares nothing
		return fmt.Sprintf("%p", c)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
