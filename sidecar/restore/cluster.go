// Package restore leads a Service with a front back to its own pods from within the cluster, by the permissions of the
// front's own service account: those for this one Service, and to delete what the front consists of. It talks to the
// API server over plain HTTP, and knows nothing of carriers and routes.
package restore

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nhctl/nhctl/sidecar/bound"
)

// accountDir is where the kubelet keeps the credentials of a pod's service account.
const accountDir = "/var/run/secrets/kubernetes.io/serviceaccount"

const (
	// requestLimit limits a request, maxAnswer its answer in bytes.
	requestLimit = 15 * time.Second
	maxAnswer    = 4 << 20
)

// Cluster is the API server, as a pod reaches it.
type Cluster struct {
	client *http.Client
	url    string
	token  string // the file: the kubelet renews it
}

// InPod is the cluster of a pod with an environment. root is put before every path; empty outside of tests.
func InPod(environ func(string) string, root string) (*Cluster, error) {
	host, port := environ("KUBERNETES_SERVICE_HOST"), environ("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return nil, errors.New("the environment does not say where the API server is")
	}
	authority, err := os.ReadFile(filepath.Join(root, accountDir, "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("read the cluster's certificate authority: %w", err)
	}
	known := x509.NewCertPool()
	if !known.AppendCertsFromPEM(authority) {
		return nil, errors.New("the cluster's certificate authority has no certificate")
	}
	return &Cluster{
		client: &http.Client{
			Timeout: requestLimit,
			Transport: &http.Transport{
				TLSClientConfig:   &tls.Config{RootCAs: known, MinVersion: tls.VersionTLS12},
				ForceAttemptHTTP2: true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		url:   "https://" + net.JoinHostPort(host, port),
		token: filepath.Join(root, accountDir, "token"),
	}, nil
}

// status is an answer of the API server that is no success.
type status int

func (s status) Error() string { return fmt.Sprintf("the API server answers with status %d", int(s)) }

// is says whether an error is an answer with a code.
func is(err error, code int) bool {
	var s status
	return errors.As(err, &s) && int(s) == code
}

// call asks the API server. A token goes to no other server: redirects are not followed.
func (c *Cluster) call(ctx context.Context, method, path, contentType string, body, into any) error {
	text := []byte(nil)
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	token, err := os.ReadFile(c.token)
	if err != nil {
		return fmt.Errorf("read the service account's token: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %w", method, path, status(response.StatusCode))
	}
	if into == nil {
		return nil
	}
	answer := bound.Buffer{Limit: maxAnswer}
	if _, err := io.Copy(&answer, response.Body); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return json.Unmarshal([]byte(answer.String()), into)
}

// in is the path of a kind's objects in a namespace, or of one of them.
func in(api, namespace, resource string, name ...string) string {
	all := append([]string{api, "namespaces", url.PathEscape(namespace), resource}, name...)
	return strings.Join(all, "/")
}
