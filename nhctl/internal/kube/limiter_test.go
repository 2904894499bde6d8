package kube

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestLimiterMeetsDeadline(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		made  int           // requests before
		limit time.Duration // of the context; none when 0
		want  error
	}{
		"a turn in time":        {made: 0, limit: time.Second},
		"no deadline":           {made: requestBurst},
		"the turn comes before": {made: requestBurst, limit: time.Second},
		"the turn would come too late": {made: requestBurst, limit: time.Millisecond,
			want: context.DeadlineExceeded},
		"the deadline has passed already": {made: 0, limit: -time.Second, want: context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l, ctx := newLimiter(), t.Context()
				for range tt.made {
					if !l.TryAccept() {
						t.Fatal("the burst is smaller than it says")
					}
				}
				if tt.limit != 0 {
					limited, cancel := context.WithTimeout(ctx, tt.limit)
					defer cancel()
					ctx = limited
				}
				if err := l.Wait(ctx); !errors.Is(err, tt.want) || tt.want == nil && err != nil {
					t.Errorf("got %v, want %v", err, tt.want)
				}
			})
		})
	}
}
