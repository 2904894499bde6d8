package devmode

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// ofTwin says whether an object that is written is a twin, or a pod of one.
func ofTwin(o *unstructured.Unstructured) bool {
	return o.GetLabels()[contract.LabelRole] == contract.RoleTwin
}

// Whichever request an admission policy refuses, the error has its words and a next step, and all is as before.
func TestAdmissionRefuses(t *testing.T) {
	t.Parallel()
	const words = "the label `app.kubernetes.io/name` is required"
	webhook := apierrors.NewBadRequest(`admission webhook "validate.kyverno.svc-fail" denied the request: ` + words)
	for name, tt := range map[string]struct {
		refuses func(kubetest.Request, *unstructured.Unstructured) bool
		code    problem.Code
	}{
		"the twin": {
			refuses: func(q kubetest.Request, o *unstructured.Unstructured) bool {
				return q.Resource == "deployments" && ofTwin(o)
			},
			code: problem.Refused,
		},
		"the pod that asks": {
			refuses: func(q kubetest.Request, o *unstructured.Unstructured) bool {
				return q.Resource == "pods" && q.User == "ada" && ofTwin(o)
			},
			code: problem.Refused,
		},
		"the pod that a controller makes": {
			refuses: func(q kubetest.Request, o *unstructured.Unstructured) bool {
				return q.Resource == "pods" && q.User == kubetest.Controllers && ofTwin(o)
			},
			code: problem.NotReady,
		},
		"the twin, once it is meant": {
			refuses: func(q kubetest.Request, o *unstructured.Unstructured) bool {
				return q.Resource == "deployments" && ofTwin(o) && !q.DryRun
			},
			code: problem.Refused,
		},
		"the token": {
			refuses: func(q kubetest.Request, _ *unstructured.Unstructured) bool { return q.Resource == "secrets" },
			code:    problem.Refused,
		},
		"fewer than two replicas": {
			refuses: func(q kubetest.Request, o *unstructured.Unstructured) bool {
				n, _, _ := unstructured.NestedInt64(o.Object, "spec", "replicas")
				return q.Resource == "deployments" && o.GetName() == "web" && n < 2
			},
			code: problem.Refused,
		},
		"the lock": {
			refuses: func(q kubetest.Request, _ *unstructured.Unstructured) bool { return q.Resource == "leases" },
			code:    problem.Refused,
		},
		"the open gate": {
			refuses: func(q kubetest.Request, _ *unstructured.Unstructured) bool { return q.Resource == "configmaps" },
			code:    problem.Refused,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, "deployment")
				before := s.Snapshot("shop")
				s.Admit(func(q kubetest.Request, o *unstructured.Unstructured) error {
					if tt.refuses(q, o) {
						return webhook
					}
					return nil
				})
				ada := s.computer("ada", "laptop")
				_, err := ada.enter(ada.spec(record.Replace))
				p := problem.From(err)
				if err == nil || p.Code != tt.code || !strings.Contains(err.Error(), words) || p.Hint == "" {
					t.Errorf("%v (%s), hint %q; want the code %s", err, p.Code, p.Hint, tt.code)
				}
				s.restored(before)
			})
		})
	}
}

// A webhook that does not let itself be asked is no reason to refuse; it speaks when the twin is created.
func TestWebhookWithoutDryRun(t *testing.T) {
	t.Parallel()
	for name, refuses := range map[string]bool{"and admits": false, "and refuses": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, "deployment")
				before := s.Snapshot("shop")
				s.Admit(func(q kubetest.Request, o *unstructured.Unstructured) error {
					switch {
					case !ofTwin(o) || q.Resource != "deployments" && q.Resource != "pods":
						return nil
					case q.DryRun:
						return apierrors.NewBadRequest(`admission webhook "old.example.com" does not support dry run`)
					case refuses:
						return errors.New("no twins here")
					}
					return nil
				})
				ada := s.computer("ada", "laptop")
				r, err := ada.enter(ada.spec(record.Replace))
				if refused := err != nil && strings.Contains(err.Error(), "no twins here"); refused != refuses ||
					err != nil && !refused {
					t.Fatal(err)
				}
				if !refuses {
					if err := ada.leave(r); err != nil {
						t.Error(err)
					}
				}
				s.restored(before)
			})
		})
	}
}
