package devmode

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
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
		// asked says that the refusal comes while nothing but the lock was made.
		asked bool
	}{
		"the twin": {
			refuses: func(q kubetest.Request, o *unstructured.Unstructured) bool {
				return q.Resource == "deployments" && ofTwin(o)
			},
			code:  problem.Refused,
			asked: true,
		},
		"the pod that asks": {
			refuses: func(q kubetest.Request, o *unstructured.Unstructured) bool {
				return q.Resource == "pods" && q.User == "ada" && ofTwin(o)
			},
			code:  problem.Refused,
			asked: true,
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
			code:  problem.Refused,
			asked: true,
		},
		"the lock": {
			refuses: func(q kubetest.Request, _ *unstructured.Unstructured) bool { return q.Resource == "leases" },
			code:    problem.Refused,
			asked:   true,
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
				var made []string
				s.Admit(func(q kubetest.Request, o *unstructured.Unstructured) error {
					if tt.refuses(q, o) {
						return webhook
					}
					if makes(q) {
						made = append(made, q.String())
					}
					return nil
				})
				ada := s.computer("ada", "laptop")
				_, err := ada.enter(ada.spec(record.Replace))
				p := problem.From(err)
				if err == nil || p.Code != tt.code || !strings.Contains(err.Error(), words) || p.Hint == "" {
					t.Errorf("%v (%s), hint %q; want the code %s", err, p.Code, p.Hint, tt.code)
				}
				if tt.asked && len(made) > 0 {
					t.Errorf("before the refusal: %q", made)
				}
				s.restored(before)
			})
		})
	}
}

// makes says whether a request is the developer's and changes something other than a Lease.
func makes(q kubetest.Request) bool { return !q.DryRun && q.User == "ada" && q.Resource != "leases" }

// A workload that may not be parked is left alone before anything is made, whatever its kind. A copy needs no parking,
// and a pod is parked by being deleted.
func TestParkingIsRefused(t *testing.T) {
	t.Parallel()
	const words = "two replicas at least"
	everyKind(t, func(t *testing.T, kind string, mode record.Mode) {
		s := newStage(t, kind)
		before := s.Snapshot("shop")
		asked, made := 0, []string(nil)
		s.Admit(func(q kubetest.Request, o *unstructured.Unstructured) error {
			if q.User == "ada" && q.Verb == "patch" && o.GetName() == "web" {
				asked++
				return apierrors.NewBadRequest(`admission webhook "guard" denied the request: ` + words)
			}
			if makes(q) {
				made = append(made, q.String())
			}
			return nil
		})
		ada := s.computer("ada", "laptop")
		r, err := ada.enter(ada.spec(mode))
		if mode == record.Duplicate || kind == "pod" {
			if err != nil || asked > 0 {
				t.Fatalf("%v; asked %d times", err, asked)
			}
			if err := ada.leave(r); err != nil {
				t.Error(err)
			}
			s.restored(before)
			return
		}
		p := problem.From(err)
		if err == nil || p.Code != problem.Refused || !strings.Contains(p.Message, words) ||
			!strings.Contains(p.Hint, "--mode duplicate") || len(p.Remedies) != 1 {
			t.Errorf("%v (%s), hint %q, remedies %+v", err, p.Code, p.Hint, p.Remedies)
		}
		if asked != 1 || len(made) > 0 {
			t.Errorf("asked %d times; before the refusal: %q", asked, made)
		}
		s.restored(before)
	})
}

// Asking changes nothing, and does not mind that someone has changed the workload since it was read.
func TestParkingIsAskedOfAnEarlierState(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"deployment", rollout} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, kind)
				ada := s.computer("ada", "laptop")
				e := &entry{Deps: ada.deps, spec: ada.spec(record.Replace)}
				if err := e.resolve(t.Context()); err != nil {
					t.Fatal(err)
				}
				before := s.Snapshot("shop")
				if err := e.try(t.Context()); err != nil {
					t.Error(err)
				}
				s.restored(before)
				e.original.Object.SetResourceVersion("1")
				if err := e.try(t.Context()); err != nil {
					t.Errorf("after a change: %v", err)
				}
				s.restored(before)
			})
		})
	}
}

// A webhook that does not let itself be asked is no reason to refuse; it speaks when the twin is created, or the
// original parked.
func TestWebhookWithoutDryRun(t *testing.T) {
	t.Parallel()
	for name, refuses := range map[string]bool{"and admits": false, "and refuses": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, "deployment")
				before := s.Snapshot("shop")
				s.Admit(func(q kubetest.Request, o *unstructured.Unstructured) error {
					parks := q.User == "ada" && o.GetName() == "web"
					switch {
					case !ofTwin(o) && !parks || q.Resource != "deployments" && q.Resource != "pods":
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

// A public image runs as root, and another user takes root's place where no one may be root. OpenShift refuses that
// one, too: it assigns each namespace its own.
func TestAssignedUsers(t *testing.T) {
	t.Parallel()
	developer := int64(1000)
	for name, tt := range map[string]struct {
		user workload.User
		// want is the dev container's in the end; refused says that there is none.
		want    *int64
		assigns bool
		refused bool
	}{
		"anyone but root":          {user: workload.User{NotRoot: &developer}, want: &developer},
		"whom the cluster assigns": {user: workload.User{NotRoot: &developer}, assigns: true},
		"whom the config names":    {user: workload.User{UID: &developer}, assigns: true, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, "deployment")
				yes := true
				kubetest.Edit(s.Cluster, "shop", "web", func(d *appsv1.Deployment) {
					d.Spec.Template.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsNonRoot: &yes}
				})
				pass(5 * time.Second)
				before := s.Snapshot("shop")
				s.Admit(func(q kubetest.Request, o *unstructured.Unstructured) error {
					containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "containers")
					for _, c := range containers {
						_, named, _ := unstructured.NestedInt64(c.(map[string]any), "securityContext", "runAsUser")
						if tt.assigns && named && q.Resource == "pods" {
							return errors.New("unable to validate against any security context constraint: " +
								"runAsUser: must be in the ranges: [1000650000, 1000659999]")
						}
					}
					return nil
				})
				ada := s.computer("ada", "laptop")
				wanted := ada.spec(record.Replace)
				wanted.User = tt.user
				r, err := ada.enter(wanted)
				if tt.refused {
					if p := problem.From(err); err == nil || !strings.Contains(p.Hint, "dev.user") {
						t.Errorf("%v, hint %q", err, p.Hint)
					}
					s.restored(before)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				twin := kubetest.Get[appsv1.Deployment](s.Cluster, "shop", r.Twin())
				for _, c := range twin.Spec.Template.Spec.Containers {
					got := (&corev1.SecurityContext{}).RunAsUser
					if c.SecurityContext != nil {
						got = c.SecurityContext.RunAsUser
					}
					if diff := cmp.Diff(tt.want, got); diff != "" {
						t.Errorf("container %s: user (-want +got)\n%s", c.Name, diff)
					}
				}
				if err := ada.leave(r); err != nil {
					t.Error(err)
				}
				s.restored(before)
			})
		})
	}
}
