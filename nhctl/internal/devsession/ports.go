package devsession

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

func (k *Kind) forward(ctx context.Context, p rpc.Forward) ([]event.ForwardData, error) {
	s, err := k.find(ctx, p.Target)
	if err != nil {
		return nil, err
	}
	list, err := s.forward(p.Open, p.Close)
	if err != nil {
		return nil, s.anotherPort(err, p.Open)
	}
	return list, nil
}

// anotherPort offers a free local port in the place of the first one that could not be opened, together with those that
// come after it.
func (s *Session) anotherPort(err error, wanted []rpc.PortPair) error {
	taken := problem.From(err)
	list := s.Forwards()
	left := slices.DeleteFunc(slices.Clone(wanted), func(p rpc.PortPair) bool {
		return slices.ContainsFunc(list, func(f event.ForwardData) bool {
			return f.Remote == p.Remote && (p.Local == 0 || f.Local == p.Local)
		})
	})
	if taken.Code != problem.PortTaken || len(left) == 0 {
		return err
	}
	left[0].Local = 0
	params, encodeErr := json.Marshal(map[string][]rpc.PortPair{"open": left, "close": {}})
	if encodeErr != nil {
		return errors.Join(err, encodeErr)
	}
	return taken.WithRemedy(problem.Remedy{Title: "take a free local port", Params: params})
}

// forward opens and closes ports, and remembers them.
func (s *Session) forward(open, shut []rpc.PortPair) ([]event.ForwardData, error) {
	for _, p := range shut {
		if err := s.Unforward(p.Local); err != nil {
			return nil, err
		}
	}
	for _, p := range open {
		if err := s.Forward(p); err != nil {
			return nil, err
		}
	}
	list := s.Forwards()
	return list, s.document.Edit(func(kept *saved) {
		kept.Forwards = nil
		for _, f := range list {
			kept.Forwards = append(kept.Forwards, rpc.PortPair{Local: f.Local, Remote: f.Remote})
		}
	})
}

// LocalPort forwards a port of the pod: to the local one that is asked for; where that is 0, to the one that leads
// there already, to its own number, or to any.
func (s *Session) LocalPort(local, remote int) (int, error) {
	for _, f := range s.Forwards() {
		if f.Remote == remote && (local == 0 || f.Local == local) {
			return f.Local, nil
		}
	}
	choices := []int{local}
	if local == 0 {
		choices = []int{remote, 0}
	}
	var list []event.ForwardData
	var err error
	for _, choice := range choices {
		if list, err = s.forward([]rpc.PortPair{{Local: choice, Remote: remote}}, nil); err == nil {
			break
		}
	}
	for _, f := range list {
		if f.Remote == remote && (local == 0 || f.Local == local) {
			return f.Local, nil
		}
	}
	return 0, err
}
