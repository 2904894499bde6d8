package folders

import (
	"context"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/localsync"
	"github.com/nhctl/nhctl/sidecar/endpoint/control"
	"github.com/nhctl/nhctl/sidecar/filesync"
)

// rulesLook is how often the files are looked at that git's rules from outside a folder are in, and its index. Those
// inside are watched.
const rulesLook = time.Second

// Current are the settings that hold now.
func (f *Folder) Current() filesync.Settings {
	f.choosing.Lock()
	defer f.choosing.Unlock()
	return f.settings
}

// stamp is what a look at a file finds; a file that changed has another.
type stamp struct {
	size     int64
	modified time.Time
	mode     os.FileMode
}

func stamps(files []string) []stamp {
	var list []stamp
	for _, file := range files {
		s := stamp{}
		if info, err := os.Stat(file); err == nil {
			s = stamp{info.Size(), info.ModTime(), info.Mode()}
		}
		list = append(list, s)
	}
	return list
}

// ownEnvironment is this process's, as rules need it.
func ownEnvironment() map[string]string {
	env := map[string]string{}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	return env
}

// followGit lets a change of git's rules from outside the folder, and of what it tracks, take effect on both sides,
// until ctx ends.
func (f *Folder) followGit(ctx context.Context) {
	env := ownEnvironment()
	tick := time.NewTicker(rulesLook)
	defer tick.Stop()
	var seen []stamp
	var inside int64
	for {
		files := localsync.Outside(f.Root, env)
		if now, changes := stamps(files), f.engine.RuleChanges(); !slices.Equal(now, seen) || changes != inside {
			seen, inside = now, changes
			f.takeUp(ctx, env)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// takeUp reads what git says now.
func (f *Folder) takeUp(ctx context.Context, env map[string]string) {
	if f.Current().GitIgnore {
		rules := localsync.Rules(ctx, f.Root, env, f.Image)
		if err := f.Choose(ctx, func(s *filesync.Settings) { s.Rules = rules }); err != nil && ctx.Err() == nil {
			f.Logger.Warn("take up changed ignore rules", "error", err)
		}
	}
	if err := f.engine.RepositoryChanged(ctx); err != nil && ctx.Err() == nil {
		f.Logger.Debug("list the tracked files", "error", err)
	}
}

// Choose takes up changed settings. A pod that can't be reached hears of them with the next stream.
func (f *Folder) Choose(ctx context.Context, change func(*filesync.Settings)) error {
	f.choosing.Lock()
	before := f.settings
	change(&f.settings)
	now := f.settings
	f.choosing.Unlock()
	if reflect.DeepEqual(before, now) {
		return nil
	}
	if err := f.engine.Apply(ctx, now); err != nil {
		return err
	}
	var there filesync.Status
	return f.Session.Call(ctx, http.MethodPut, control.PathSync(f.ID), now, &there)
}
