package daemon

import (
	"context"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/localsync"
	"github.com/nhctl/nhctl/sidecar/endpoint/control"
	"github.com/nhctl/nhctl/sidecar/filesync"
)

// rulesLook is how often git's rules from outside a folder are read: .git/info/exclude and core.excludesFile. Those inside are watched.
const rulesLook = time.Second

// current are the settings that hold now.
func (f *folder) current() filesync.Settings {
	f.choosing.Lock()
	defer f.choosing.Unlock()
	return f.settings
}

// image is the dev image of the container that has the folder.
func (f *folder) image() string {
	r := f.session.record()
	for _, known := range r.Folders() {
		for _, c := range r.Containers() {
			if known.ID == f.id && known.Container == c.Name {
				return c.Image
			}
		}
	}
	return r.Image
}

// followRules lets a change of git's rules from outside the folder take effect, on both sides, until ctx ends.
func (f *folder) followRules(ctx context.Context) {
	if !f.current().GitIgnore {
		return
	}
	env := map[string]string{}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	read := localsync.GlobalIgnores(f.root, env, f.image())
	tick := time.NewTicker(rulesLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := localsync.GlobalIgnores(f.root, env, f.image())
		if slices.Equal(now, read) {
			continue
		}
		read = now
		if err := f.choose(ctx, now); err != nil && ctx.Err() == nil {
			f.logger.Warn("take up changed ignore rules", "error", err)
		}
	}
}

// choose takes up rules. A pod that can't be reached hears of them with the next stream.
func (f *folder) choose(ctx context.Context, global []string) error {
	f.choosing.Lock()
	f.settings.GlobalIgnores = global
	f.choosing.Unlock()
	if err := f.engine.Apply(ctx, f.current()); err != nil {
		return err
	}
	var there filesync.Status
	return f.call(ctx, http.MethodPut, control.PathSync(f.id), f.current(), &there)
}
