package kube

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Explain turns an error of the API server, or of the way there, into one for users. Errors that are explained already,
// or that have no better words, come back as they are.
func (c *Client) Explain(err error) error {
	var explained *problem.Error
	var status apierrors.APIStatus
	var network net.Error
	var certificate *tls.CertificateVerificationError
	var plugin *noCredentials
	switch {
	case err == nil || errors.As(err, &explained) || errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &plugin):
		return c.signIn(plugin)
	case apierrors.IsUnauthorized(err):
		p := problem.New(problem.Unauthorized, "the API server %s does not know you: %w", c.Server(), err).
			WithHint("renew your credentials, then try again; `kubectl auth whoami` shows who you are")
		if c.config != nil && c.config.ExecProvider != nil {
			p = p.WithRemedy(c.signInRemedy())
		}
		return p
	case apierrors.IsForbidden(err):
		return forbidden(c, err)
	case errors.As(err, &status) && denied(status.Status()):
		return refused(c, err)
	case errors.As(err, &status) && strings.Contains(err.Error(), "failed calling webhook"):
		const down = "a webhook that the cluster asks about each change does not answer: %w"
		return problem.New(problem.Refused, down, err).
			WithHint("whoever runs the webhook that the text names has to fix it; `kubectl get " +
				"mutatingwebhookconfigurations,validatingwebhookconfigurations` lists all of them")
	case errors.As(err, &status):
		return err
	case errors.As(err, &certificate):
		return problem.New(problem.Unreachable, "the API server %s can't be trusted (context %q): %w", c.Server(),
			c.Context, rootCause(err)).
			WithHint(
				"is the kubeconfig of this very cluster, and no proxy between that shows a certificate of its own?")
	case errors.As(err, &network), errors.Is(err, context.DeadlineExceeded),
		strings.Contains(err.Error(), "connection refused"):
		return problem.New(problem.Unreachable, "the API server %s does not answer (context %q): %w", c.Server(),
			c.Context, rootCause(err)).
			WithHint("is the cluster up, and the VPN? `kubectl get --raw /readyz` asks the same server")
	}
	return err
}

// forbidden tells a missing right, which an administrator can give, from an admission policy's refusal. Both have the
// same code and reason, and only the authorizer begins with the user.
func forbidden(c *Client, err error) error {
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Details != nil && len(status.Status().Details.Causes) == 0 &&
		strings.Contains(err.Error(), `forbidden: User "`) {
		return problem.New(problem.Forbidden, "you may not do that in namespace %s: %w", c.Namespace, err).
			WithHint("ask an administrator for the Role that `nhctl doctor --role` prints, in that namespace, or " +
				"choose another with -n")
	}
	return refused(c, err)
}

// assignedUsers is what OpenShift says where a pod names another user than those that are assigned to its namespace.
const assignedUsers = "must be in the ranges"

// AssignsUsers says whether a pod was refused since the cluster assigns the users of its namespace.
func AssignsUsers(refusal error) bool {
	return refusal != nil && strings.Contains(refusal.Error(), assignedUsers)
}

func refused(c *Client, err error) error {
	p := problem.New(problem.Refused, "the cluster refused it: %w", err)
	if AssignsUsers(err) {
		return p.WithHint("the cluster assigns the users of namespace %s: leave out dev.user in the config, and take "+
			"runAsUser and fsGroup out of the workload's securityContext, or name ids of the range above", c.Namespace)
	}
	return p.WithHint("the text above names a policy or quota of namespace %s; change the pod as it asks by "+
		"dev.patches in the config", c.Namespace)
}

// denied says whether an admission webhook or policy refused: they choose the code and the reason themselves, and only
// the words are fixed.
func denied(s metav1.Status) bool {
	return s.Code >= http.StatusBadRequest && s.Code < http.StatusInternalServerError &&
		(strings.Contains(s.Message, "denied the request") || strings.Contains(s.Message, "denied request: "))
}

// rootCause drops the URL that net/http puts in front.
func rootCause(err error) error {
	for {
		var op *net.OpError
		if errors.As(err, &op) {
			return fmt.Errorf("%s %s: %w", op.Op, op.Addr, op.Err)
		}
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
