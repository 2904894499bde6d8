package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// get asks a cluster for a Deployment, and explains why it does not come.
func get(ctx context.Context, c *Client) error {
	_, err := c.API.AppsV1().Deployments("shop").Get(ctx, "web", metav1.GetOptions{})
	return c.Explain(err)
}

func TestExplainAnswers(t *testing.T) {
	t.Parallel()
	policy := status(403, metav1.StatusReasonForbidden, `admission webhook "guard" denied the request: no`)
	policy.Details = nil
	causes := status(403, metav1.StatusReasonForbidden, `deployments.apps "web" is forbidden: User "ada" is on leave`)
	causes.Details.Causes = []metav1.StatusCause{{Message: "ada is on leave"}}
	for name, tt := range map[string]struct {
		status        metav1.Status
		code          problem.Code
		message, hint string
	}{
		"unknown user": {status(401, metav1.StatusReasonUnauthorized, "Unauthorized"), problem.Unauthorized,
			"the API server %s does not know you: Unauthorized", "renew your credentials"},
		"missing right": {status(403, metav1.StatusReasonForbidden,
			`deployments.apps "web" is forbidden: User "ada" cannot get resource "deployments"`), problem.Forbidden,
			`you may not do that in namespace shop: deployments.apps "web" is forbidden: User "ada" cannot get ` +
				`resource "deployments"`, "ask an administrator"},
		"quota": {status(403, metav1.StatusReasonForbidden, `pods "web" is forbidden: exceeded quota: small`),
			problem.Refused,
			`the cluster refused it: pods "web" is forbidden: exceeded quota: small`, "quota of namespace shop"},
		"policy that speaks of users": {status(403, metav1.StatusReasonForbidden,
			`pods "web" is forbidden: violates policy: User must not be root`), problem.Refused,
			`the cluster refused it: pods "web" is forbidden: violates policy: User must not be root`, "a policy"},
		"webhook": {policy, problem.Refused, `the cluster refused it: admission webhook "guard" denied the request: no`,
			"a policy"},
		"policy with a code of its own": {status(422, metav1.StatusReasonInvalid,
			`pods "web" is forbidden: ValidatingAdmissionPolicy 'guard' with binding 'all' denied request: no`),
			problem.Refused,
			`the cluster refused it: pods "web" is forbidden: ValidatingAdmissionPolicy 'guard' with binding 'all' ` +
				`denied request: no`, "a policy"},
		"Kyverno": {status(400, metav1.StatusReasonBadRequest, "admission webhook \"validate.kyverno.svc-fail\" "+
			"denied the request: \n\nresource Deployment/shop/web-nhctl-1 was blocked due to the following policies "+
			"\n\nrequire-labels:\n  autogen-check-for-labels: 'validation error: The label `app.kubernetes.io/name` "+
			"is required.'\n"), problem.Refused,
			"the cluster refused it: admission webhook \"validate.kyverno.svc-fail\" denied the request: \n\n" +
				"resource Deployment/shop/web-nhctl-1 was blocked due to the following policies \n\nrequire-labels:\n" +
				"  autogen-check-for-labels: 'validation error: The label `app.kubernetes.io/name` is required.'\n",
			"dev.patches"},
		"GKE Autopilot": {status(400, metav1.StatusReasonBadRequest, `admission webhook "warden-validating.common-`+
			`webhooks.networking.gke.io" denied the request: GKE Warden rejected the request because it violates one `+
			`or more constraints.`), problem.Refused,
			`the cluster refused it: admission webhook "warden-validating.common-webhooks.networking.gke.io" denied ` +
				`the request: GKE Warden rejected the request because it violates one or more constraints.`,
			"dev.patches"},
		"OpenShift's users": {status(403, metav1.StatusReasonForbidden, `pods "web" is forbidden: unable to validate `+
			`against any security context constraint: [provider restricted-v2: .containers[0].runAsUser: Invalid `+
			`value: 1000: must be in the ranges: [1000650000, 1000659999]]`), problem.Refused,
			`the cluster refused it: pods "web" is forbidden: unable to validate against any security context ` +
				`constraint: [provider restricted-v2: .containers[0].runAsUser: Invalid value: 1000: must be in the ` +
				`ranges: [1000650000, 1000659999]]`, "leave out dev.user"},
		"webhook that is down": {status(500, metav1.StatusReasonInternalError, `Internal error occurred: failed `+
			`calling webhook "namespace.sidecar-injector.istio.io": failed to call webhook: Post `+
			`"https://istiod.istio-system.svc:443/inject?timeout=10s": context deadline exceeded`), problem.Refused,
			`a webhook that the cluster asks about each change does not answer: Internal error occurred: failed ` +
				`calling webhook "namespace.sidecar-injector.istio.io": failed to call webhook: Post ` +
				`"https://istiod.istio-system.svc:443/inject?timeout=10s": context deadline exceeded`,
			"whoever runs the webhook"},
		"refusal with cause": {causes, problem.Refused,
			`the cluster refused it: deployments.apps "web" is forbidden: User "ada" is on leave`, "a policy"},
		"not found": {status(404, metav1.StatusReasonNotFound, `deployments.apps "web" not found`), problem.Internal,
			`deployments.apps "web" not found`, ""},
		"conflict": {status(409, metav1.StatusReasonConflict, "the object has been modified"), problem.Internal,
			"the object has been modified", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				respond(w, int(tt.status.Code), tt.status)
			}))
			p := problem.From(get(t.Context(), c))
			want := strings.Replace(tt.message, "%s", c.Server(), 1)
			if diff := cmp.Diff([]string{string(tt.code), want}, []string{string(p.Code), p.Message}); diff != "" {
				t.Error(diff)
			}
			if !strings.Contains(p.Hint, tt.hint) || (tt.hint == "") != (p.Hint == "") {
				t.Errorf("hint %q, want %q in it", p.Hint, tt.hint)
			}
		})
	}
}

func TestExplainSilence(t *testing.T) {
	t.Parallel()
	const unused = "127.0.0.1:1" // a port that was closed may be another test's by now
	// The time is up once the question has come: a time that is measured may end while the connection is made.
	limited, late := context.WithCancelCause(t.Context())
	mute := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		late(context.DeadlineExceeded)
		<-r.Context().Done()
	}))
	t.Cleanup(mute.Close)
	stranger := httptest.NewUnstartedServer(http.NotFoundHandler())
	stranger.Config.ErrorLog = log.New(io.Discard, "", 0)
	stranger.StartTLS()
	t.Cleanup(stranger.Close)
	for name, tt := range map[string]struct {
		server, is, want string
		ctx              context.Context
	}{
		"no one listens": {"http://" + unused, "does not answer",
			"dial " + unused + ": connect: connection refused", t.Context()},
		"takes too long":    {mute.URL, "does not answer", context.DeadlineExceeded.Error(), limited},
		"not who it claims": {stranger.URL, "can't be trusted", "certificate signed by unknown authority", t.Context()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := problem.From(get(tt.ctx, client(t, "server: "+tt.server)))
			begin := fmt.Sprintf("the API server %s %s (context \"work\"): ", tt.server, tt.is)
			if p.Code != problem.Unreachable || !strings.HasPrefix(p.Message, begin) ||
				!strings.HasSuffix(p.Message, tt.want) || p.Hint == "" {
				t.Errorf("%+v, want: %s%s", p, begin, tt.want)
			}
		})
	}
}

func TestExplainLeavesAlone(t *testing.T) {
	t.Parallel()
	c := client(t, "server: http://127.0.0.1:1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := get(ctx, c); !errors.Is(err, context.Canceled) || problem.From(err).Code != problem.Interrupted {
		t.Errorf("interrupted by the user: %v", err)
	}
	for _, err := range []error{nil, errors.New("of another kind"),
		fmt.Errorf("park: %w", problem.New(problem.Held, "ada has it: %w", context.DeadlineExceeded))} {
		if got := c.Explain(err); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
}
