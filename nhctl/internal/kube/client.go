// Package kube talks to the API server: it is the only importer of client-go. It finds the caller's cluster, dials
// pods, runs commands in them, and says in a user's words what went wrong. It knows nothing of dev mode.
package kube

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	_ "embed"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/buildinfo"
)

// Role is the manifest of the rights that nhctl needs, and no more.
//
//go:embed role.yaml
var Role string

// Options say which cluster, as the caller sees it: with their environment, and paths relative to their folder.
type Options struct {
	Kubeconfig, Context, Namespace string
	Env                            map[string]string
	Dir                            string
	// Network, where it is set, leads to the cluster instead of this computer's network: tests have clusters in memory.
	Network Network
}

// Network is a way to an API server. Bearer tokens say who comes.
type Network interface {
	http.RoundTripper
	DialPod(ctx context.Context, token, namespace, pod string, port int) (net.Conn, error)
	ExecPod(ctx context.Context, token, namespace string, o ExecOptions) error
}

// Client is a connection to one cluster, with one namespace.
type Client struct {
	// API is the typed client.
	API kubernetes.Interface
	// Dynamic is the client for workloads, whatever their kind.
	Dynamic dynamic.Interface
	// Namespace is the caller's.
	Namespace string
	// Context is the kubeconfig context in use.
	Context string
	// Files are the kubeconfig files in use, absolute.
	Files []string
	// Identity is a hash of the server's address and certificate authority.
	Identity string
	// kubeconfig is the file that the caller has named, absolute.
	kubeconfig string
	config     *rest.Config
	clock      *clock
	network    Network
}

// dialTimeout limits how long a silent API server is waited for.
const dialTimeout = 5 * time.Second

// Paths lists the kubeconfig files that kubectl would read in the caller's place.
func (o Options) Paths() []string {
	paths := []string{o.Kubeconfig}
	if o.Kubeconfig == "" {
		paths = filepath.SplitList(o.Env["KUBECONFIG"])
	}
	if len(paths) == 0 {
		home := o.Env["HOME"]
		if home == "" {
			home = o.Env["USERPROFILE"]
		}
		paths = []string{filepath.Join(home, ".kube", "config")}
	}
	var absolute []string
	for _, p := range paths {
		if p == "" {
			continue
		}
		if !filepath.IsAbs(p) {
			p = filepath.Join(o.Dir, p)
		}
		absolute = append(absolute, p)
	}
	return absolute
}

// loader reads the caller's kubeconfig.
func (o Options) loader() clientcmd.ClientConfig {
	rules := &clientcmd.ClientConfigLoadingRules{Precedence: o.Paths()}
	if o.Kubeconfig != "" {
		rules.ExplicitPath = rules.Precedence[0]
	}
	overrides := &clientcmd.ConfigOverrides{CurrentContext: o.Context, Context: api.Context{Namespace: o.Namespace}}
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides)
}

// New returns a client. It does not connect yet.
func New(o Options) (*Client, error) {
	loader := o.loader()
	raw, err := loader.RawConfig()
	if err != nil {
		return nil, problem.New(problem.Usage, "read kubeconfig: %w", err).
			WithHint("name the right file with --kubeconfig or $KUBECONFIG")
	}
	if len(raw.Clusters) == 0 {
		return nil, problem.New(problem.Usage, "no cluster: none of %v has one", o.Paths()).WithHint(
			"name a kubeconfig with --kubeconfig or $KUBECONFIG; for a cluster to try things on: make playground")
	}
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, problem.New(problem.Usage, "kubeconfig %v: %w", o.Paths(), err).
			WithHint("`kubectl config get-contexts` lists the contexts; choose one with --context")
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, problem.New(problem.Usage, "kubeconfig %v: %w", o.Paths(), err)
	}
	if config.ExecProvider != nil {
		if err := o.plugin(config.ExecProvider); err != nil {
			return nil, err
		}
	}
	identity := identity(config)
	if config.Proxy == nil { // the kubeconfig's proxy-url comes first
		config.Proxy = o.proxy()
	}
	config.UserAgent = "nhctl/" + buildinfo.Version
	config.RateLimiter = newLimiter()
	config.Dial = (&net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}).DialContext
	if o.Network != nil {
		config.Transport = o.Network
	}
	clock := &clock{}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return listening{clock, next} })
	connection, err := rest.HTTPClientFor(config) // one for both
	if err != nil {
		return nil, problem.New(problem.Usage, "kubeconfig %v: %w", o.Paths(), err)
	}
	if config.ExecProvider != nil {
		gated := *connection
		gated.Transport = newGate(connection.Transport)
		connection = &gated
	}
	client, err := kubernetes.NewForConfigAndClient(config, connection)
	if err != nil {
		return nil, problem.New(problem.Usage, "kubeconfig %v: %w", o.Paths(), err)
	}
	untyped, err := dynamic.NewForConfigAndClient(config, connection)
	if err != nil {
		return nil, problem.New(problem.Usage, "kubeconfig %v: %w", o.Paths(), err)
	}
	c := &Client{
		API:       client,
		Dynamic:   untyped,
		Namespace: namespace,
		Context:   o.Context,
		Files:     o.Paths(),
		Identity:  identity,
		config:    config,
		clock:     clock,
		network:   o.Network,
	}
	if o.Kubeconfig != "" {
		c.kubeconfig = c.Files[0]
	}
	if c.Context == "" {
		c.Context = raw.CurrentContext
	}
	return c, nil
}

// Server is the API server's URL.
func (c *Client) Server() string {
	if c.config == nil { // made around an API that is there already
		return ""
	}
	return c.config.Host
}

// User is who the API server takes the caller for.
func (c *Client) User(ctx context.Context) (string, error) {
	review, err := c.API.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{},
		metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("ask the API server who you are: %w", c.Explain(err))
	}
	return review.Status.UserInfo.Username, nil
}

// May says whether the caller may do something in their namespace.
func (c *Client) May(ctx context.Context, verb, group, resource string) (bool, error) {
	return c.Allowed(ctx, authorizationv1.ResourceAttributes{Verb: verb, Group: group, Resource: resource})
}

// Allowed says whether the caller has a right in their namespace.
func (c *Client) Allowed(ctx context.Context, right authorizationv1.ResourceAttributes) (bool, error) {
	right.Namespace = c.Namespace
	review, err := c.API.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx,
		&authorizationv1.SelfSubjectAccessReview{
			Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &right},
		}, metav1.CreateOptions{})
	if err != nil {
		return false, c.Explain(err)
	}
	return review.Status.Allowed, nil
}
