package daemon

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
)

// visitor is a call that arrives with a client. Two clusters may have namespaces, workloads and even sessions of the same names, so it
// finds the sessions of its own place only, and its client serves no other.
type visitor struct {
	client *kube.Client
	place  *record.Place // once it was asked
}

// where asks once where the call's namespace is.
func (v *visitor) where(ctx context.Context) (record.Place, error) {
	if v.place == nil {
		place, err := v.client.Place(ctx)
		if err != nil {
			return place, err
		}
		v.place = &place
	}
	return *v.place, nil
}

// at says whether a session lives where the call's client leads. One whose own client leads to the very same server, by address and
// certificate authority, needs no question: it goes on where the cluster does not answer.
func (v *visitor) at(ctx context.Context, s *session) (bool, error) {
	r, own := s.record(), s.client()
	if r.Namespace != v.client.Namespace {
		return false, nil
	}
	if own != nil && own.Identity != "" && own.Identity == v.client.Identity {
		return true, nil
	}
	place, err := v.where(ctx)
	return err == nil && place.Same(r.Place), err
}

// matching are the live sessions of the call's place that match.
func (d *Daemon) matching(ctx context.Context, v *visitor, match func(devmode.Record) bool) ([]*session, error) {
	d.mu.Lock()
	var named []*session
	for _, s := range d.sessions {
		if r := s.record(); r.Namespace == v.client.Namespace && match(r) {
			named = append(named, s)
		}
	}
	d.mu.Unlock()
	var found []*session
	for _, s := range named {
		here, err := v.at(ctx, s)
		if err != nil {
			return nil, err
		}
		if here {
			found = append(found, s)
		}
	}
	return found, nil
}

// live is the session of the call's place with an id, if this daemon serves it.
func (d *Daemon) live(ctx context.Context, v *visitor, id string) (*session, error) {
	found, err := d.matching(ctx, v, func(r devmode.Record) bool { return r.Session == id })
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// work is the key of what one call at a time may do with a workload.
func work(place record.Place, r devmode.Record) string {
	return r.Workload.String() + " in namespace " + r.Namespace + " (" + place.Key() + ")"
}

// errElsewhere says that a kubeconfig leads to another place than a session's.
var errElsewhere = errors.New("another cluster, or another namespace of that name")

// lead finds a client that leads to a saved session: the caller's own, else that of the kubeconfig that the session began with. Contexts
// are renamed, files overwritten, and addresses given to other clusters: neither is taken without being the session's place.
func lead(ctx context.Context, v *visitor, caller rpc.Caller, state saved) (*kube.Client, error) {
	home := state.Record.Place
	if v != nil && v.client.Namespace == state.Record.Namespace {
		if leads(v.client, home) {
			return v.client, nil
		}
		if place, err := v.where(ctx); err == nil && place.Same(home) {
			return v.client, nil
		}
	}
	c, err := savedClient(caller, state)
	if err != nil || leads(c, home) {
		return c, err
	}
	place, err := c.Place(ctx)
	if err == nil && !place.Same(home) {
		err = fmt.Errorf("context %q of %s leads to %s: %w", state.Context, state.Kubeconfig, c.Server(), errElsewhere)
	}
	return c, err
}

// leads says whether a client surely leads to a place's server, without asking there.
func leads(c *kube.Client, home record.Place) bool {
	return c.Proves() && home.Server != "" && c.Identity == home.Server
}

// savedClient is a client of the kubeconfig that a session began with.
func savedClient(caller rpc.Caller, state saved) (*kube.Client, error) {
	env := map[string]string{}
	for k, v := range caller.Env {
		env[k] = v
	}
	env["KUBECONFIG"] = state.Kubeconfig
	return kube.New(kube.Options{Context: state.Context, Namespace: state.Record.Namespace, Env: env, Dir: caller.Dir})
}

// kubeconfig notes which kubeconfig leads to the session.
func (s *saved) kubeconfig(c *kube.Client) {
	s.Kubeconfig, s.Context = strings.Join(c.Files, string(filepath.ListSeparator)), c.Context
	if c.Identity != "" {
		s.Record.Place.Server = c.Identity
	}
}

// gone says whether the cluster that does not have the session is the session's own. Another one may have come to its address.
func (s *session) gone(ctx context.Context) (bool, error) {
	c, home := s.client(), s.record().Place
	place, err := c.Place(ctx)
	if err != nil {
		return false, err
	}
	if place.Same(home) || leads(c, home) {
		return true, nil // a server that proves to be the same has another namespace by that name
	}
	return false, fmt.Errorf("%s leads to %w", c.Server(), errElsewhere)
}
