// Package routes has what commands share that begin routes: how users name Services and ports, and the calls.
package routes

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Hold is how long a request waits for a process that restarts, where no one says otherwise.
const Hold = 2 * time.Second

// Wanted is a Service, and its ports that a route is about; none means all.
type Wanted struct {
	Service string
	Ports   []rpc.WantedPort
}

// Parse reads SERVICE[:PORT[:LOCAL]]... In several of one Service, each names a port.
func Parse(args []string) (all []Wanted, err error) {
	places := map[string]int{}
	for _, arg := range args {
		service, rest, named := strings.Cut(arg, ":")
		if service == "" || named && rest == "" {
			return nil, problem.New(problem.Usage, "%q: want SERVICE[:PORT[:LOCAL]]", arg)
		}
		place, again := places[service]
		switch {
		case !again:
			place = len(all)
			places[service] = place
			all = append(all, Wanted{Service: service})
		case !named || len(all[place].Ports) == 0:
			return nil, problem.New(problem.Usage, "Service %s is named twice, once with all its ports", service)
		}
		if named {
			port, local, _ := strings.Cut(rest, ":")
			all[place].Ports = append(all[place].Ports, rpc.WantedPort{Port: port, Local: local})
		}
	}
	return all, nil
}

// Begin begins a route for each Service, as p says of all.
func Begin(ctx context.Context, f *factory.Factory, p rpc.BeginRoute, wanted []Wanted) ([]rpc.Session, error) {
	all := []rpc.Session{}
	for _, w := range wanted {
		p.Service, p.Ports = w.Service, w.Ports
		var s rpc.Session
		if err := f.Call(ctx, rpc.MethodRoute, p, &s); err != nil {
			return all, err
		}
		if s.Route == nil {
			return all, problem.New(problem.Internal, "the daemon tells nothing of the route")
		}
		all = append(all, s)
	}
	return all, nil
}

// Describe tells what of a Service comes to this computer.
func Describe(w io.Writer, s rpc.Session) {
	r := s.Route
	verb := "exchanged"
	switch {
	case r.Mirror:
		verb = "mirrored"
	case len(r.Matches) > 0:
		verb = "meshed"
	}
	if s.Reattached {
		verb = "already " + verb
	}
	for _, p := range r.Ports {
		to := p.Local
		if r.Dev != "" {
			to = "your duplicate of " + r.Dev
		}
		fmt.Fprintf(w, "%s: Service %s port %d -> %s (namespace %s)\n", verb, r.Service, p.Port, to, s.Namespace)
	}
	for _, m := range r.Matches {
		fmt.Fprintf(w, "requests with:  %s\n", condition(m))
	}
	if len(r.Matches) == 1 && r.Matches[0].Of == "mark" && len(r.Ports) > 0 {
		m := r.Matches[0]
		fmt.Fprintf(w, "such as:        curl -H '%s: %s' http://%s.%s:%d/\n", m.Name, m.Value, r.Service, s.Namespace,
			r.Ports[0].Port)
		fmt.Fprintf(w, "or in a trace:  curl -H 'baggage: %s=%s' ...\n", m.Name, m.Value)
	}
	if r.Until != nil {
		fmt.Fprintf(w, "until:          %s\n", r.Until.Local().Format("15:04 on 2 Jan"))
	}
	for _, text := range s.Notices {
		fmt.Fprintf(w, "note:           %s\n", text)
	}
}

func condition(m rpc.Match) string {
	switch m.Of {
	case "mark":
		return fmt.Sprintf("%s=%s, as a header or in baggage", m.Name, m.Value)
	case "header", "baggage":
		return fmt.Sprintf("%s %s=%s", m.Of, m.Name, m.Value)
	}
	return m.Of + " " + m.Value
}
