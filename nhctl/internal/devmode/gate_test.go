package devmode

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// The gates of all sessions are in one ConfigMap, which is there while one is open.
func TestGate(t *testing.T) {
	t.Parallel()
	api := fake.NewClientset()
	c := &kube.Client{API: api, Namespace: "shop"}
	one, two := Record{Session: "one", Namespace: "shop"}, Record{Session: "two", Namespace: "shop"}
	for _, step := range []struct {
		name string
		do   func() error
		want map[string]string
	}{
		{"close what was never opened", func() error { return closeGate(t.Context(), c, one) }, nil},
		{"open the first", func() error { return openGate(t.Context(), c, one) }, map[string]string{"one": "true"}},
		{"open it again", func() error { return openGate(t.Context(), c, one) }, map[string]string{"one": "true"}},
		{
			name: "open another",
			do:   func() error { return openGate(t.Context(), c, two) },
			want: map[string]string{"one": "true", "two": "true"},
		},
		{"close the first", func() error { return closeGate(t.Context(), c, one) }, map[string]string{"two": "true"}},
		{"close the last", func() error { return closeGate(t.Context(), c, two) }, nil},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		gates, err := api.CoreV1().ConfigMaps("shop").Get(t.Context(), contract.Gates, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			gates, err = &corev1.ConfigMap{}, nil
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, gates.Data); diff != "" {
			t.Errorf("%s:\n%s", step.name, diff)
		}
	}
	for _, a := range api.Actions() {
		if a.GetResource().Resource == "secrets" {
			t.Errorf("a gate needs no Secret: %s", a)
		}
	}
}
