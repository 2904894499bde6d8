package rpc

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A namespace is one of a context, and a context one of a kubeconfig: neither is taken without the other.
func TestCallerWithin(t *testing.T) {
	t.Parallel()
	work := t.TempDir()
	file := filepath.Join(work, "kube")
	other := filepath.Join(work, "other")
	env := map[string]string{"A": "1"}
	own := Caller{
		Env:        map[string]string{"A": "2"},
		Dir:        work,
		Kubeconfig: "kube",
		Context:    "dev",
		Namespace:  "shop",
	}
	in := func(dir, context, namespace string) Caller {
		return Caller{Dir: dir, Kubeconfig: file, Context: context, Namespace: namespace}
	}
	withEnv := in(work, "dev", "shop")
	withEnv.Env = env
	for name, tt := range map[string]struct{ given, want Caller }{
		"nothing":                     {Caller{}, in(work, "dev", "shop")},
		"another folder":              {Caller{Dir: other}, in(other, "dev", "shop")},
		"a folder below":              {Caller{Dir: "other"}, in(other, "dev", "shop")},
		"a namespace":                 {Caller{Namespace: "bank"}, in(work, "dev", "bank")},
		"a context":                   {Caller{Context: "prod"}, in(work, "prod", "")},
		"a context and its namespace": {Caller{Context: "prod", Namespace: "bank"}, in(work, "prod", "bank")},
		"a kubeconfig":                {Caller{Kubeconfig: "k"}, Caller{Dir: work, Kubeconfig: "k"}},
		"an environment":              {Caller{Env: env}, withEnv},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.given.Within(own)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if got, want := (Caller{}).Within(Caller{Dir: work}), (Caller{Dir: work}); !cmp.Equal(got, want) {
		t.Errorf("of one without flags: %+v, want %+v", got, want)
	}
}
