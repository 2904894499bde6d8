package devsession

import (
	"context"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/topics"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// work is the key of what one call at a time may do with a workload.
func work(place record.Place, r devmode.Record) string {
	return r.Workload.String() + " in namespace " + r.Namespace + " (" + place.Key() + ")"
}

// matching are the live sessions of the call's place that match.
func (k *Kind) matching(ctx context.Context, v *session.Visitor, match func(devmode.Record) bool) ([]*Session, error) {
	return registry.Matching(ctx, k.registry, v, func(s *Session) bool { return match(s.record()) })
}

// live is the session of the call's place with an id, if this daemon serves it.
func (k *Kind) live(ctx context.Context, v *session.Visitor, id string) (*Session, error) {
	found, err := k.matching(ctx, v, func(r devmode.Record) bool { return r.Session == id })
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// find returns the live session that a call means.
func (k *Kind) find(ctx context.Context, t rpc.Target) (*Session, error) {
	v, err := k.registry.Visit(ctx, t.Caller)
	if err != nil {
		return nil, err
	}
	meant, err := targetOf(t)
	if err != nil {
		return nil, err
	}
	matches, err := k.matching(ctx, v, meant.includes)
	if err != nil {
		return nil, err
	}
	if err := meant.ambiguous(records(matches)); err != nil {
		return nil, err
	}
	if len(matches) == 0 {
		k.registry.News(ctx, v)
		return nil, notHere(t.Workload, v.Client.Namespace)
	}
	matches[0].renew(v.Client)
	return matches[0], nil
}

// records are those of live sessions.
func records(all []*Session) []devmode.Record {
	var list []devmode.Record
	for _, s := range all {
		list = append(list, s.record())
	}
	return list
}

// notHere is the problem of a workload that is not in dev mode on this computer.
func notHere(name, namespace string) error {
	if name == "" {
		name = "this folder's workload"
	}
	return problem.New(problem.NoSession, "%s is not in dev mode here (namespace %s)", name, namespace).
		WithHint("start it with `nhctl dev start`; `nhctl dev list` shows all sessions of the namespace").
		WithRemedy(problem.Remedy{Title: "take it into dev mode", Method: rpc.MethodStart})
}

func (k *Kind) status(ctx context.Context, t rpc.Target) (rpc.Session, error) {
	s, err := k.find(ctx, t)
	if err != nil {
		return rpc.Session{}, err
	}
	return s.Status(ctx), nil
}

// Watched finds the session that a call means, for those who follow its status.
func (k *Kind) Watched(ctx context.Context, t rpc.Target) (topics.Watched, error) {
	if t.Container == "" {
		s, err := k.find(ctx, t)
		if err != nil {
			return nil, err // and no Watched that holds a nil
		}
		return s, nil
	}
	s, _, err := k.syncing(ctx, t)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Custom are the kinds of custom resources that the config of the caller's folder names, with the places of their pod
// templates. A config that can't be read names none: the commands that need it say why.
func (k *Kind) Custom(caller rpc.Caller) map[workload.Kind]string {
	file, err := config.Load(caller.Dir, config.Options{Env: caller.Env})
	if err != nil || file == nil {
		return nil
	}
	custom := map[workload.Kind]string{}
	for i := range file.Services {
		s := &file.Services[i]
		if kind := s.Ref().Kind; kind.Custom() && kind.Known() {
			custom[kind] = s.PodTemplate
		}
	}
	return custom
}
