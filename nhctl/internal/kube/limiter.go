package kube

import (
	"context"
	"fmt"

	"k8s.io/client-go/util/flowcontrol"
)

// Requests per second that nhctl makes of one API server, in the long run and at once.
const (
	requestRate  = 100
	requestBurst = 200
)

// limiter limits the rate of requests. A request that would not get its turn before its deadline fails with
// context.DeadlineExceeded, as one does that is under way: client-go's own limiter has an error of text alone, which
// callers that report the state of a wait can't tell from a failure of the request.
type limiter struct{ flowcontrol.RateLimiter }

func newLimiter() limiter {
	return limiter{flowcontrol.NewTokenBucketRateLimiter(requestRate, requestBurst)}
}

// Wait returns when a request may be made.
func (l limiter) Wait(ctx context.Context) error {
	err := l.RateLimiter.Wait(ctx)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
	}
	return err
}
