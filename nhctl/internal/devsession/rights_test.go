package devsession_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
)

// A session that was refused for a while, as by credentials that had expired, goes on by itself once it is let in
// again: no one has to run a command.
func TestLetInAgain(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	begun := ada.MustStart()
	all := []string{"*"}
	may := func(resources ...string) {
		cluster.Restrict("ada", rbacv1.PolicyRule{Verbs: all, APIGroups: all, Resources: resources})
	}
	may("leases", "deployments")
	kubetest.Delete[corev1.Pod](cluster.Cluster, sessiontest.Namespace, begun.Pod)
	sessiontest.Until(t, "the connection has stopped", func() error {
		session, err := ada.Status() // which has it tried again, as every command
		if err == nil && session.Link.State != "stopped" {
			err = fmt.Errorf("it is %s", session.Link.State)
		}
		return err
	})
	dialled := make(chan struct{}, 1)
	cluster.Before(func(q kubetest.Request) {
		if q.Resource == "pods" {
			select {
			case dialled <- struct{}{}:
			default:
			}
		}
	})
	may("*")
	select {
	case <-dialled:
	case <-time.After(time.Minute):
		t.Error("it is not tried again")
	}
}
