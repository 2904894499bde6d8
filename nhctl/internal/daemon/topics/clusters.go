package topics

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fsnotify/fsnotify"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/subscription"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/session"
)

// clusters follows the contexts of the caller's kubeconfig files.
func (t *Topics) clusters(ctx context.Context, caller rpc.Caller) error {
	options := session.OptionsOf(caller)
	key := append([]string{string(rpc.TopicClusters), options.Kubeconfig}, options.Paths()...)
	return follow(ctx, t, source[rpc.Cluster]{
		topic: rpc.TopicClusters,
		key:   strings.Join(key, "\x00"),
		run: func(ctx context.Context, s *subscription.State[rpc.Cluster]) {
			changed := newSignal()
			defer t.watch(options.Paths(), changed)()
			refresh(ctx, changed, kube.PollInterval, func() { readContexts(options, s) })
		},
		put: func(u *rpc.Update, items map[string]rpc.Cluster) { u.Clusters = items },
	})
}

// readContexts sets the contexts of kubeconfig files. Half a file, which someone writes at this moment, is a problem of
// that moment, and changes nothing.
func readContexts(o kube.Options, s *subscription.State[rpc.Cluster]) {
	contexts, err := kube.Contexts(o)
	if err != nil {
		s.Fail(problem.From(err))
		return
	}
	items := map[string]rpc.Cluster{}
	for _, c := range contexts {
		items[c.Name] = rpc.Cluster{
			Context:   c.Name,
			Cluster:   c.Cluster,
			Server:    c.Server,
			User:      c.User,
			Namespace: c.Namespace,
			Current:   c.Current,
		}
	}
	s.Set(items, nil)
}

// watchFiles raises a signal when one of some files changes, comes or goes, until stop is called. It watches their
// directories, since programs replace files; a file behind a link has two. Where there is nothing to watch, the next
// look of the source sees a change.
func watchFiles(files []string, changed signal) (stop func()) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return func() {}
	}
	names := slices.Clone(files)
	for _, file := range files {
		if target, err := filepath.EvalSymlinks(file); err == nil {
			names = append(names, target)
		}
	}
	ended := make(chan struct{})
	go func() { // before anything is added: an error that waits would hold that up
		defer close(ended)
		for {
			select {
			case e, ok := <-w.Events:
				if !ok {
					return
				}
				if slices.Contains(names, e.Name) {
					changed.raise()
				}
			case _, ok := <-w.Errors:
				if !ok {
					return
				}
				changed.raise() // events may have been lost
			}
		}
	}()
	for _, name := range names {
		_ = w.Add(filepath.Dir(name))
	}
	return func() { _ = w.Close(); <-ended }
}
