package session

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
)

// Visitor is a call that arrives with a client. Two clusters may have namespaces, workloads and even sessions of the
// same names, so it finds the sessions of its own place only, and its client serves no other.
type Visitor struct {
	Client *kube.Client
	place  *record.Place // once it was asked
}

// VisitorOf is a caller's visit, or nil where the caller has no cluster: what this computer knows needs none.
func VisitorOf(caller rpc.Caller) *Visitor {
	c, err := ClientOf(caller)
	if err != nil {
		return nil
	}
	return &Visitor{Client: c}
}

// Where asks once where the call's namespace is.
func (v *Visitor) Where(ctx context.Context) (record.Place, error) {
	if v.place == nil {
		place, err := v.Client.Place(ctx)
		if err != nil {
			return place, err
		}
		v.place = &place
	}
	return *v.place, nil
}

// At says whether a session lives where the call's client leads. One whose own client leads to the very same server, by
// address and certificate authority, needs no question: it goes on where the cluster does not answer.
func (v *Visitor) At(ctx context.Context, s Live) (bool, error) {
	namespace, home := s.Home()
	own := s.Client()
	if namespace != v.Client.Namespace {
		return false, nil
	}
	if own != nil && own.Identity != "" && own.Identity == v.Client.Identity {
		return true, nil
	}
	place, err := v.Where(ctx)
	return err == nil && place.Same(home), err
}

// Origin is the kubeconfig that a session began with: the list of files, as $KUBECONFIG has it, and the context in use.
type Origin struct {
	Kubeconfig string `json:"kubeconfig"`
	Context    string `json:"context"`
}

// OriginOf is the origin that a client has.
func OriginOf(c *kube.Client) Origin {
	return Origin{Kubeconfig: strings.Join(c.Files, string(filepath.ListSeparator)), Context: c.Context}
}

// LedBy is the origin that a client has. The place of what it leads to learns of the server that the client has proven.
func LedBy(c *kube.Client, place *record.Place) Origin {
	if c.Identity != "" {
		place.Server = c.Identity
	}
	return OriginOf(c)
}

// Unanswered says why nothing is known of a session that this computer keeps.
func (o Origin) Unanswered() string {
	return "its cluster does not answer, or context " + o.Context + " of " + o.Kubeconfig + " leads elsewhere by now"
}

// ErrElsewhere says that a kubeconfig leads to another place than a session's.
var ErrElsewhere = errors.New("another cluster, or another namespace of that name")

// Lead finds a client that leads to a saved session: the caller's own, else that of the kubeconfig that the session
// began with. Contexts are renamed, files overwritten, and addresses given to other clusters: neither is taken without
// being the session's place.
func Lead(
	ctx context.Context, v *Visitor, caller rpc.Caller, from Origin, namespace string, home record.Place,
) (*kube.Client, error) {
	if v != nil && v.Client.Namespace == namespace {
		if leads(v.Client, home) {
			return v.Client, nil
		}
		if place, err := v.Where(ctx); err == nil && place.Same(home) {
			return v.Client, nil
		}
	}
	c, err := from.client(caller, namespace)
	if err != nil || leads(c, home) {
		return c, err
	}
	place, err := c.Place(ctx)
	if err == nil && !place.Same(home) {
		err = fmt.Errorf("context %q of %s leads to %s: %w", from.Context, from.Kubeconfig, c.Server(), ErrElsewhere)
	}
	return c, err
}

// leads says whether a client surely leads to a place's server, without asking there.
func leads(c *kube.Client, home record.Place) bool {
	return c.Proves() && home.Server != "" && c.Identity == home.Server
}

// client is a client of the kubeconfig.
func (o Origin) client(caller rpc.Caller, namespace string) (*kube.Client, error) {
	env := map[string]string{}
	for k, v := range caller.Env {
		env[k] = v
	}
	env["KUBECONFIG"] = o.Kubeconfig
	return kube.New(kube.Options{Context: o.Context, Namespace: namespace, Env: env, Dir: caller.Dir})
}

// Gone says whether the cluster that does not have the session is the session's own. Another one may have come to its
// address.
func Gone(ctx context.Context, c *kube.Client, home record.Place) (bool, error) {
	place, err := c.Place(ctx)
	if err != nil {
		return false, err
	}
	if place.Same(home) || leads(c, home) {
		return true, nil // a server that proves to be the same has another namespace by that name
	}
	return false, fmt.Errorf("%s leads to %w", c.Server(), ErrElsewhere)
}
