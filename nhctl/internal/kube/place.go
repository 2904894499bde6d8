package kube

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/nhctl/nhctl/nhctl/internal/record"
)

// identity is a hash of a server's address and certificate authority: clients with the same one reach the same server.
// A proxy that the kubeconfig names is part of the address.
func identity(config *rest.Config) string {
	ca := config.CAData
	if len(ca) == 0 && config.CAFile != "" {
		ca, _ = os.ReadFile(config.CAFile) // without it, no connection comes about
	}
	proxy := ""
	if u, err := url.Parse(config.Host); err == nil && config.Proxy != nil {
		if via, err := config.Proxy(&http.Request{URL: u}); err == nil && via != nil {
			proxy = via.String()
		}
	}
	address := strings.ToLower(strings.TrimSuffix(config.Host, "/"))
	text := fmt.Sprintf("%q %q %q %v %q", address, config.ServerName, proxy, config.Insecure, ca)
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// Proves says whether the server proves by a certificate who it is.
func (c *Client) Proves() bool {
	return c.config == nil || !c.config.Insecure && strings.HasPrefix(c.config.Host, "https://")
}

// Place asks where the client's namespace is. A user who may not read the namespace knows it by its server alone.
func (c *Client) Place(ctx context.Context) (record.Place, error) {
	place := record.Place{Server: c.Identity}
	namespace, err := c.API.CoreV1().Namespaces().Get(ctx, c.Namespace, metav1.GetOptions{})
	switch {
	case apierrors.IsForbidden(err), apierrors.IsNotFound(err):
		return place, nil
	case err != nil:
		return place, fmt.Errorf("ask which namespace %s is: %w", c.Namespace, c.Explain(err))
	}
	place.Namespace = namespace.UID
	return place, nil
}
