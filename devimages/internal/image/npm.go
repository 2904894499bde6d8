package image

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// npm puts npm, as its registry has it, and its links below a folder. Debian's package of it would bring half of
// Debian's Node modules.
func (b *Builder) npm(ctx context.Context, n Npm, root string) error {
	if err := installed("npm", "node"); err != nil {
		return err
	}
	work, err := os.MkdirTemp(b.Cache, "npm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if out, err := exec.CommandContext(ctx, "npm", "pack", "--silent", "--pack-destination", work,
		"npm@"+n.Version).CombinedOutput(); err != nil {
		return fmt.Errorf("npm pack: %w: %s", err, out)
	}
	archive := filepath.Join(work, "npm-"+n.Version+".tgz")
	data, err := os.ReadFile(archive)
	if err != nil {
		return err
	}
	sum := sha512.Sum512(data)
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); got != n.Integrity {
		return fmt.Errorf("npm %s has the integrity %s, and its definition says %s", n.Version, got, n.Integrity)
	}
	modules, bin := filepath.Join(root, n.To, "lib/node_modules/npm"), filepath.Join(root, n.To, "bin")
	for _, dir := range []string{modules, bin} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if out, err := exec.CommandContext(ctx, "tar", "xzf", archive, "-C", modules, "--strip-components=1",
		"--no-same-owner").CombinedOutput(); err != nil {
		return fmt.Errorf("unpack npm: %w: %s", err, out)
	}
	for _, name := range []string{"npm", "npx"} {
		script := "lib/node_modules/npm/bin/" + name + "-cli.js"
		if err := os.Chmod(filepath.Join(root, n.To, script), 0o755); err != nil {
			return err
		}
		if err := os.Symlink("../"+script, filepath.Join(bin, name)); err != nil {
			return err
		}
	}
	return nil
}

// npmPackages puts the node_modules of a package-lock.json below a folder. No script of a package runs.
func (b *Builder) npmPackages(ctx context.Context, c Copy, root string) error {
	if err := installed("npm", "node"); err != nil {
		return err
	}
	to := filepath.Join(root, c.To)
	for _, name := range []string{"package.json", "package-lock.json"} {
		if err := copyFile(filepath.Join(b.Repository, c.From, name), filepath.Join(to, name), 0o644); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--libc=glibc")
	cmd.Dir = to
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w: %s", err, out)
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		if err := os.Remove(filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return nil
}
