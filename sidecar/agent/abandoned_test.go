package agent

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// restorer notes what it is asked; its first restorations fail.
type restorer struct {
	asked []string
	fails int
}

func (r *restorer) Service(context.Context) error {
	r.asked = append(r.asked, "service")
	if r.fails--; r.fails >= 0 {
		return errors.New("refused")
	}
	return nil
}

func (r *restorer) Objects(context.Context) error {
	r.asked = append(r.asked, "objects")
	return nil
}

// A front restores its Service once no computer was there for long enough, tries again where that fails, and deletes
// itself last, unless a computer is back.
func TestAbandoned(t *testing.T) {
	t.Parallel()
	const after = 10 * time.Minute
	for name, tt := range map[string]struct {
		fails int
		do    func(b *abandonment)
		drain func(b *abandonment)
		want  []string
	}{
		"no one ever came": {
			do:   func(*abandonment) { time.Sleep(after + time.Second) },
			want: []string{"service", "drain", "objects"},
		},
		"not yet": {
			do: func(*abandonment) { time.Sleep(after - time.Second) },
		},
		"a computer is there": {
			do: func(b *abandonment) { b.presence.up(); time.Sleep(3 * after) },
		},
		"one goes and another comes": {
			do: func(b *abandonment) {
				down := b.presence.up()
				time.Sleep(after)
				down()
				time.Sleep(after - time.Second)
				b.presence.up()
				time.Sleep(after)
			},
		},
		"one goes": {
			do:   func(b *abandonment) { b.presence.up()(); time.Sleep(after + time.Second) },
			want: []string{"service", "drain", "objects"},
		},
		"the cluster refuses at first": {
			fails: 2,
			do:    func(*abandonment) { time.Sleep(after + 3*restoreAgain) },
			want:  []string{"service", "service", "service", "drain", "objects"},
		},
		"one comes while it drains": {
			do:    func(*abandonment) { time.Sleep(2 * after) },
			drain: func(b *abandonment) { b.presence.up() },
			want:  []string{"service", "drain"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				r := &restorer{fails: tt.fails}
				var b *abandonment
				b = newAbandonment(after, r, func(context.Context) {
					r.asked = append(r.asked, "drain")
					if tt.drain != nil {
						tt.drain(b)
					}
				}, slog.New(slog.DiscardHandler))
				done := make(chan struct{})
				go func() { defer close(done); b.run(ctx) }()
				tt.do(b)
				cancel()
				<-done
				if diff := cmp.Diff(tt.want, r.asked); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}
