package plan

import (
	"context"
	"path"
	"path/filepath"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/localsync"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/filesync"
)

// planSync is what a container syncs: the first entry of the config's sync has the sources, the others are folders
// next to them. A local folder is meant from base, which holds the config, a remote one from the working folder.
func planSync(
	env map[string]string, base string, dev config.Dev,
) (folders []record.Folder, all []filesync.Settings, err error) {
	for i, sync := range dev.Sync {
		root, err := localFolder(base, sync.Local, env)
		if err != nil {
			return nil, nil, err
		}
		settings := filesync.Settings{
			Type:             filesync.Type(sync.Type),
			GitIgnore:        sync.GitIgnore(),
			FilePatterns:     sync.FilePattern,
			IgnorePatterns:   append([]string(nil), sync.IgnoreFilePattern...),
			DeleteProtection: sync.DeleteProtection,
			Guard:            guard(sync.DeletionGuard),
			LinksOutside:     sync.LinksOutside,
		}
		if settings.GitIgnore {
			settings.Rules = localsync.Rules(context.Background(), root, env, dev.Image)
		}
		remote := sync.Remote
		if !path.IsAbs(remote) {
			remote = path.Join(dev.WorkDir, remote)
		}
		if i == 0 {
			settings.Exceptions = CommandFiles(root, dev)
		}
		folders, all = append(folders, record.Folder{Local: root, Remote: remote}), append(all, settings)
	}
	return folders, all, nil
}

// guard is the deletion guard's limits, with its own for what the config does not say.
func guard(g config.DeletionGuard) *filesync.Guard {
	limits := filesync.DefaultGuard
	if g.Percent != nil {
		limits.Percent = *g.Percent
	}
	if g.Files != nil {
		limits.Files = *g.Files
	}
	return &limits
}

// localFolder is a folder of the config, checked as all that may be synced; "" stays "" where no folder is known.
func localFolder(base, local string, env map[string]string) (string, error) {
	if base == "" || local == "" || local == "." {
		return base, nil
	}
	if !filepath.IsAbs(local) {
		local = filepath.Join(base, local)
	}
	return localsync.CheckRoot(local, env["HOME"])
}
