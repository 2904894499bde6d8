package podfiles

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// Computer is what files of a pod must not take the place of.
type Computer struct {
	// Home is the user's, Dir the command's folder, Path has the directories of programs.
	Home, Dir string
	Path      []string
}

// system are the directories at the root that have a computer's programs, devices and users.
func system() []string {
	return []string{
		"/bin", "/boot", "/dev", "/gnu", "/home", "/lib", "/lib32", "/lib64", "/libx32", "/nix", "/proc", "/root",
		"/sbin", "/snap", "/sys", "/usr",
	}
}

// settings are files and directories of /etc by which a computer's programs run others, also where it lacks them.
func settings() []string {
	return []string{
		"X11", "alternatives", "bash.bash_logout", "bash.bashrc", "bash_completion.d", "bashrc", "csh.cshrc",
		"csh.login", "environment", "environment.d", "fish", "gitconfig", "inputrc", "ld.so.conf", "ld.so.conf.d",
		"ld.so.preload",
		"npmrc", "pam.conf", "pam.d", "pip.conf", "profile", "profile.d", "security", "ssh", "sudo.conf", "sudoers",
		"sudoers.d", "systemd", "xdg", "zprofile", "zsh", "zshenv", "zshrc",
	}
}

// Refuse says why files of a pod must not appear at a path: whoever may change them must not thereby change which
// programs run on this computer, nor the user's own files, nor hide what the computer has.
func (c Computer) Refuse(at string) string {
	top, below, _ := strings.Cut(strings.TrimPrefix(at, "/"), "/")
	if slices.Contains(system(), "/"+top) {
		return "this computer's own programs or users are in /" + top
	}
	for _, dir := range append([]string{c.Home, c.Dir}, c.Path...) {
		dir = filepath.Clean(dir)
		if filepath.IsAbs(dir) && dir != "/" && (contract.Within(at, dir) || contract.Within(dir, at)) {
			return fmt.Sprintf("%s is this computer's own", dir)
		}
	}
	if name, _, _ := strings.Cut(below, "/"); top == "etc" && name != "" {
		if _, err := os.Lstat(at); err == nil || slices.Contains(settings(), name) {
			return "it is one of this computer's own settings"
		}
	}
	return hides(at)
}

// hides says whether files at a path would hide a whole part of this computer's own, as at /var/lib.
func hides(at string) string {
	const deep = 2
	if strings.Count(path.Clean(at), "/") > deep {
		return ""
	}
	entries, err := os.ReadDir(at)
	if err != nil && !os.IsPermission(err) || err == nil && len(entries) == 0 {
		return ""
	}
	return "this computer has other files there"
}
