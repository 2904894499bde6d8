// Package cleanup lists what nhctl has in a namespace, and removes it: each kind of session finds its own and ends it
// in its own way. It knows nothing of what that is.
package cleanup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/dispatch"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/session"
)

// Cleanup has the calls about leftovers.
type Cleanup struct {
	registry *registry.Registry
	kinds    []session.Cleaner
}

// New returns the calls of a daemon with no kind of session.
func New(r *registry.Registry) *Cleanup { return &Cleanup{registry: r} }

// Register adds a kind.
func (c *Cleanup) Register(k session.Cleaner) { c.kinds = append(c.kinds, k) }

// Methods are the calls.
func (c *Cleanup) Methods() dispatch.Methods {
	return dispatch.Methods{
		rpc.MethodLeftovers: dispatch.Call(c.list),
		rpc.MethodRemove:    dispatch.Call(c.remove),
	}
}

func (c *Cleanup) list(ctx context.Context, p rpc.Leftovers) ([]rpc.Leftover, error) {
	if p.AllNamespaces {
		return c.everywhere(ctx, p.Caller)
	}
	found, err := c.in(ctx, p.Caller)
	return described(found), err
}

// in are the leftovers of the caller's namespace.
func (c *Cleanup) in(ctx context.Context, caller rpc.Caller) (all []session.Leftover, err error) {
	v, err := c.registry.Visit(ctx, caller)
	if err != nil {
		return nil, err
	}
	c.registry.News(ctx, v)
	for _, k := range c.kinds {
		found, err := k.Leftovers(ctx, caller, v)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func described(all []session.Leftover) []rpc.Leftover {
	views := []rpc.Leftover{}
	for _, l := range all {
		views = append(views, l.Leftover)
	}
	return views
}

// atOnce is how many namespaces are looked at at a time.
const atOnce = 4

// everywhere are the leftovers of all namespaces in which the caller may look.
func (c *Cleanup) everywhere(ctx context.Context, caller rpc.Caller) ([]rpc.Leftover, error) {
	client, err := session.ClientOf(caller)
	if err != nil {
		return nil, err
	}
	namespaces, err := client.CompleteNamespaces(ctx)
	if err != nil {
		return nil, problem.New(problem.From(err).Code, "list the namespaces: %w", err).
			WithHint("clean one namespace at a time: -n NAMESPACE")
	}
	var mu sync.Mutex
	all, denied := []rpc.Leftover{}, []string{}
	looking, ctx := errgroup.WithContext(ctx)
	looking.SetLimit(atOnce)
	for _, namespace := range namespaces {
		looking.Go(func() error {
			there := caller
			there.Namespace = namespace
			found, err := c.in(ctx, there)
			mu.Lock()
			defer mu.Unlock()
			if problem.From(err).Code == problem.Forbidden {
				denied = append(denied, namespace)
				return nil
			}
			all = append(all, described(found)...)
			return err
		})
	}
	if err := looking.Wait(); err != nil {
		return nil, err
	}
	if len(denied) > 0 {
		slices.Sort(denied)
		text := "you may not look into these namespaces: " + strings.Join(denied, ", ")
		event.Sink(ctx)(event.Event{Type: event.Notice, Message: text})
	}
	slices.SortStableFunc(all, func(a, b rpc.Leftover) int { return strings.Compare(a.Namespace, b.Namespace) })
	return all, nil
}

// remove looks again: whose session is heard of again in the meantime, keeps it. What can't be removed hides no other.
func (c *Cleanup) remove(ctx context.Context, p rpc.RemoveLeftovers) ([]rpc.Leftover, error) {
	found, err := c.in(ctx, p.Caller)
	if err != nil {
		return nil, err
	}
	gone := []rpc.Leftover{}
	var failed []error
	for _, l := range found {
		if !slices.Contains(p.Keys, l.Key) {
			continue
		}
		if err := permitted(l, p.Others); err != nil {
			failed = append(failed, err)
			continue
		}
		if err := l.Remove(ctx); err != nil {
			failed = append(failed, fmt.Errorf("remove %s: %w", l.What, err))
			continue
		}
		gone = append(gone, l.Leftover)
	}
	if len(failed) == 0 {
		return gone, nil
	}
	for _, l := range gone {
		event.Sink(ctx)(event.Event{Type: event.Notice, Message: "removed: " + l.What})
	}
	return gone, errors.Join(failed...)
}

// permitted says why something must not be removed.
func permitted(l session.Leftover, others []string) error {
	switch {
	case l.Remove == nil:
		return problem.New(problem.Refused, "%s is left alone: %s", l.What, l.Reason)
	case l.State == rpc.LeftoverHeld && !slices.Contains(others, l.Session):
		return problem.New(problem.Held, "%s is held by %s", l.What, l.Holder.Local).
			WithHint("ask them to end it, or name it: --others %s", l.Session)
	}
	return nil
}
