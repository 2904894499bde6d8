package topics

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/dispatch"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// kubeconfig has a context for each name; the first is the current one.
func kubeconfig(names ...string) []byte {
	text := "apiVersion: v1\nkind: Config\ncurrent-context: " + names[0] + "\n" +
		"clusters: [{name: c, cluster: {server: 'https://c.test'}}]\n" +
		"users: [{name: u, user: {token: secret}}]\ncontexts:\n"
	for _, name := range names {
		text += fmt.Sprintf("- {name: %s, context: {cluster: c, user: u, namespace: shop}}\n", name)
	}
	return []byte(text)
}

// seenContext is a context as clients see it: without credentials.
func seenContext(name string, current bool) rpc.Cluster {
	return rpc.Cluster{
		Context:   name,
		Cluster:   "c",
		Server:    "https://c.test",
		User:      "u",
		Namespace: "shop",
		Current:   current,
	}
}

// Contexts follow the kubeconfig's file: written in place, replaced, behind a link, torn, gone.
func TestClusters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link := filepath.Join(dir, "there", "config"), filepath.Join(dir, "config")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(filepath.Dir(file), 0o700))
	must(os.WriteFile(file, kubeconfig("a"), 0o600))
	must(os.Symlink(file, link))

	s := newStage(t)
	s.watch = watchFiles
	ctx, cancel := context.WithCancel(t.Context())
	heard, ended := make(chan rpc.Update, 10), make(chan error, 1)
	ctx = dispatch.WithUpdates(ctx, func(u rpc.Update) error { heard <- u; return nil })
	go func() { ended <- s.clusters(ctx, rpc.Caller{Kubeconfig: link}) }()
	items := map[string]rpc.Cluster{}
	want := func(want map[string]rpc.Cluster) {
		t.Helper()
		for !cmp.Equal(want, items) { // a change may come in several steps
			u := <-heard
			rpc.Fold(items, u, u.Clusters)
		}
	}
	want(map[string]rpc.Cluster{"a": seenContext("a", true)})
	must(os.WriteFile(file, kubeconfig("b", "a"), 0o600))
	want(map[string]rpc.Cluster{"a": seenContext("a", false), "b": seenContext("b", true)})
	must(os.WriteFile(file+".new", kubeconfig("c"), 0o600))
	must(os.Rename(file+".new", file))
	want(map[string]rpc.Cluster{"c": seenContext("c", true)})
	must(os.WriteFile(file, []byte("{"), 0o600))
	for u := range heard {
		if u.Problem != nil {
			if len(u.Gone) > 0 {
				t.Errorf("gone: %v", u.Gone)
			}
			break
		}
	}
	must(os.WriteFile(file, kubeconfig("d"), 0o600))
	want(map[string]rpc.Cluster{"d": seenContext("d", true)})
	cancel()
	<-ended
}
