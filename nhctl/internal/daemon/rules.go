package daemon

import (
	"context"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/localsync"
	"github.com/nhctl/nhctl/sidecar/endpoint/control"
	"github.com/nhctl/nhctl/sidecar/filesync"
	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
)

// rulesLook is how often the files are looked at that git's rules from outside a folder are in, and its index. Those
// inside are watched.
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
func (f *folder) followGit(ctx context.Context) {
	env := ownEnvironment()
	tick := time.NewTicker(rulesLook)
	defer tick.Stop()
	var seen []stamp
	var inside int64
	for {
		files := localsync.Outside(f.root, env)
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
func (f *folder) takeUp(ctx context.Context, env map[string]string) {
	if f.current().GitIgnore {
		rules := localsync.Rules(ctx, f.root, env, f.image())
		if err := f.choose(ctx, func(s *filesync.Settings) { s.Rules = rules }); err != nil && ctx.Err() == nil {
			f.logger.Warn("take up changed ignore rules", "error", err)
		}
	}
	if err := f.engine.RepositoryChanged(ctx); err != nil && ctx.Err() == nil {
		f.logger.Debug("take note of what is tracked", "error", err)
	}
}

// choose takes up changed settings. A pod that can't be reached hears of them with the next stream.
func (f *folder) choose(ctx context.Context, change func(*filesync.Settings)) error {
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
	return f.call(ctx, http.MethodPut, control.PathSync(f.id), now, &there)
}

// allow lets the files that a container's commands name go to the pod, also where their names don't travel.
func (s *developed) allow(ctx context.Context, dev config.Dev) {
	folders := s.synced()
	at := slices.IndexFunc(folders, func(f *folder) bool { return f.container == s.Name }) // the sources come first
	if at < 0 {
		return
	}
	f := folders[at]
	named := commandFiles(f.root, dev)
	if err := f.choose(ctx, func(s *filesync.Settings) { s.Exceptions = named }); err != nil && ctx.Err() == nil {
		f.logger.Warn("let the files of a command travel", "error", err)
	}
}

// commandFiles are the files below a folder whose names don't travel, though a command of the config names them: it
// could not run without. A repository's own files are no such.
func commandFiles(root string, dev config.Dev) []string {
	var found []string
	c := dev.Command
	for _, command := range []config.Command{c.Build, c.Run, c.Debug, c.HotReloadRun, c.HotReloadDebug} {
		words := strings.FieldsFunc(command.String(), func(r rune) bool { return strings.ContainsRune(" \t\n\"'`=;&|()<>$", r) })
		for _, word := range words {
			rel := path.Clean(strings.TrimPrefix(word, strings.TrimSuffix(dev.WorkDir, "/")+"/"))
			name := ignore.Protection{}.Of(rel)
			if name.Class != ignore.Never || name.OfRepository() || !filepath.IsLocal(filepath.FromSlash(rel)) ||
				slices.Contains(found, rel) {
				continue
			}
			if info, err := os.Lstat(filepath.Join(root, filepath.FromSlash(rel))); err == nil && info.Mode().IsRegular() {
				found = append(found, rel)
			}
		}
	}
	return found
}
