package delay_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/delay"
)

func TestFor(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		limit, waited time.Duration
		want          error
	}{
		"the context lasts": {limit: time.Hour, waited: time.Minute},
		"the context ends":  {limit: time.Second, waited: time.Second, want: context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tt.limit)
				defer cancel()
				begun := time.Now()
				err := delay.For(ctx, time.Minute)
				if waited := time.Since(begun); !errors.Is(err, tt.want) || waited != tt.waited {
					t.Errorf("%v after %v, want %v after %v", err, waited, tt.want, tt.waited)
				}
			})
		})
	}
}
