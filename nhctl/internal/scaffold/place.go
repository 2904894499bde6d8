package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/aymanbagabas/go-udiff"
)

// Place writes a config, and next to it a .gitignore for what is a developer's own. Where there is another config,
// agree is asked with the changes first. It says whether the file has the text now.
func Place(file, text string, agree func(diff string) (bool, error)) (written bool, err error) {
	old, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return false, fmt.Errorf("read the config that is there: %w", err)
	case string(old) == text:
		return true, nil
	default:
		if yes, err := agree(udiff.Unified(file, file+" (new)", string(old), text)); err != nil || !yes {
			return false, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return false, fmt.Errorf("make the config's folder: %w", err)
	}
	// Written aside and renamed: a full disk must not cost the config that is there.
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(file); err == nil {
		mode = info.Mode().Perm()
	}
	if err := os.WriteFile(file+".new", []byte(text), mode); err != nil {
		return false, fmt.Errorf("write the config: %w", err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		return false, fmt.Errorf("write the config: %w", err)
	}
	ignore := filepath.Join(filepath.Dir(file), ".gitignore")
	if _, err := os.Stat(ignore); errors.Is(err, fs.ErrNotExist) {
		return true, os.WriteFile(ignore, []byte("# One developer's own settings.\nlocal.yaml\n"), 0o644)
	}
	return true, nil
}
