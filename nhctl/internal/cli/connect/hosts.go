package connect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/way"
	"github.com/nhctl/nhctl/nhctl/internal/hostsfile"
	"github.com/nhctl/nhctl/nhctl/internal/journal"
	"github.com/nhctl/nhctl/nhctl/internal/localnames"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/sharedfile"
)

// publisher keeps lines in a hosts file.
type publisher struct {
	file    string
	publish func(ctx context.Context, lines []hostsfile.Line) error
	// ended is closed when it can't go on; nil where nothing can end it.
	ended   <-chan struct{}
	restore func() error
}

// hosts serves the namespaces' Services on addresses of loopback, until the user or the tunnel ends it.
func hosts(ctx context.Context, f *factory.Factory, o *Options) error {
	selector, err := labels.Parse(o.Selector)
	if err != nil {
		return problem.New(problem.Usage, "-l %s: %w", o.Selector, err)
	}
	if o.HostsFile != "" {
		if err := sharedfile.Check(f.Absolute(o.HostsFile)); err != nil {
			return unwritable(o.HostsFile, err)
		}
	}
	w, err := way.Open(ctx, f, o.way())
	if err != nil {
		return err
	}
	defer w.Close()
	p, err := publish(ctx, f, o)
	if err != nil {
		return err
	}
	ctx, stop := serving(ctx, w)
	defer stop()
	go func() {
		select {
		case <-p.ended:
			stop()
		case <-ctx.Done():
		}
	}()
	sources := []localnames.Source{w.Source}
	for _, s := range w.Others {
		sources = append(sources, s)
	}
	namespaces := o.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{w.Namespace}
	}
	err = localnames.Serve(ctx, localnames.Options{
		Selection: localnames.Selection{Namespaces: namespaces, Labels: selector, Domain: o.Domain},
		Sources:   sources,
		Dial: func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			return w.Link.DialTCP(ctx, to, nil)
		},
		Listen:  localnames.Listen,
		Publish: func(lines []hostsfile.Line) error { return p.publish(ctx, lines) },
		Notice:  func(n localnames.Notice) { notice(f.Err(), n) },
	}, func(names int) {
		fmt.Fprintf(f.Err(), "%d Services and pods are in %s, until Ctrl-C or nhctl disconnect\n", names, p.file)
	})
	return errors.Join(err, p.restore())
}

// publish is the way to the hosts file: a file that the user has named is written by this process, the system's by the
// helper, which may.
func publish(ctx context.Context, f *factory.Factory, o *Options) (*publisher, error) {
	if o.HostsFile == "" {
		h, err := helper(ctx, f, "writing "+hostsfile.Path())
		if err != nil {
			return nil, err
		}
		return &publisher{file: hostsfile.Path(), publish: h.Hosts, ended: h.Ended(), restore: h.Close}, nil
	}
	dir, err := restoreOwn(f)
	if err != nil {
		return nil, err
	}
	j, err := journal.Open(dir)
	if err != nil {
		return nil, err
	}
	hostname, _ := os.Hostname()
	file := f.Absolute(o.HostsFile)
	return &publisher{
		file: file,
		publish: func(_ context.Context, lines []hostsfile.Line) error {
			return j.Edit(file, func(text, id string) string { return hostsfile.Put(text, id, lines, hostname) })
		},
		restore: j.Close,
	}, nil
}

// unwritable says why a hosts file is none that can be used.
func unwritable(file string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return problem.New(problem.NotFound, "the hosts file %s does not exist", file)
	}
	return problem.New(problem.Refused, "you may not write the hosts file: %w", err).
		WithHint("name one of your own, or leave out --hosts-file: sudo then starts a helper that writes the system's")
}

func notice(out io.Writer, n localnames.Notice) {
	p := problem.From(n.Err)
	fmt.Fprintf(out, "%s is not offered on %s: %s\n", n.Name, n.At, p.Message)
	if p.Hint != "" {
		fmt.Fprintf(out, "-> %s\n", p.Hint)
	}
}
