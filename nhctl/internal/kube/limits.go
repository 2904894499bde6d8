package kube

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Limits reads the namespace's LimitRanges. A caller who may not read them gets none, and learns of them when a pod is
// refused (see workload.Limits.Retry).
func (c *Client) Limits(ctx context.Context) (workload.Limits, error) {
	ranges, err := c.API.CoreV1().LimitRanges(c.Namespace).List(ctx, metav1.ListOptions{})
	if apierrors.IsForbidden(err) {
		return workload.Limits{}, nil
	}
	if err != nil {
		return workload.Limits{}, fmt.Errorf("list LimitRanges: %w", c.Explain(err))
	}
	return workload.LimitsOf(ranges.Items), nil
}
