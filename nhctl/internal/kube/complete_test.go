package kube

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

func TestComplete(t *testing.T) {
	t.Parallel()
	yes, mux := true, http.NewServeMux()
	mux.HandleFunc("GET /apis/apps/v1/namespaces/shop/deployments", func(w http.ResponseWriter, r *http.Request) {
		if diff := cmp.Diff("nhctl.dev/role!=twin", r.URL.Query().Get("labelSelector")); diff != "" {
			t.Errorf("twins must be left out:\n%s", diff)
		}
		respond(w, http.StatusOK, appsv1.DeploymentList{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1",
			Kind: "DeploymentList"}, Items: []appsv1.Deployment{
			{ObjectMeta: metav1.ObjectMeta{Name: "web"}}, {ObjectMeta: metav1.ObjectMeta{Name: "cart"}},
			{ObjectMeta: metav1.ObjectMeta{Name: "owned", OwnerReferences: []metav1.OwnerReference{
				{Kind: "App", Name: "shop", Controller: &yes},
			}}}}})
	})
	mux.HandleFunc("GET /api/v1/namespaces", func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusOK, corev1.NamespaceList{Items: []corev1.Namespace{
			{ObjectMeta: metav1.ObjectMeta{Name: "default"}},
			{ObjectMeta: metav1.ObjectMeta{Name: "shop"}},
		}})
	})
	c := serve(t, mux)
	denied := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusForbidden,
			status(403, metav1.StatusReasonForbidden, `deployments.apps is forbidden: User "ada" cannot list resource`))
	}))
	workloads := func(c *Client) func(context.Context) ([]string, error) {
		return func(ctx context.Context) ([]string, error) {
			return c.CompleteWorkloads(ctx,
				schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}, "deploy/")
		}
	}
	for name, tt := range map[string]struct {
		complete func(context.Context) ([]string, error)
		want     []string
		code     problem.Code
	}{
		"workloads":         {workloads(c), []string{"deploy/cart", "deploy/web"}, ""},
		"namespaces":        {c.CompleteNamespaces, []string{"default", "shop"}, ""},
		"workloads denied":  {workloads(denied), nil, problem.Forbidden},
		"namespaces denied": {denied.CompleteNamespaces, nil, problem.Forbidden},
	} {
		got, err := tt.complete(t.Context())
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if tt.code == "" && err != nil || tt.code != "" && problem.From(err).Code != tt.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}
