// Package launch starts a program in a folder, which the Kubernetes exec call can't: nhctl's exec and terminal go through it.
package launch

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// Exec replaces this process by a program in a folder. It only returns when that fails.
func Exec(dir string, argv []string) error {
	if len(argv) == 0 {
		return errors.New("no command to run")
	}
	if err := os.Chdir(dir); err != nil {
		return err
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return err
	}
	return syscall.Exec(path, argv, os.Environ())
}

// Shell replaces this process by a login shell in a folder: the wanted one, or else the first that the image has.
func Shell(dir, wanted string) error {
	shells := []string{"bash", "zsh", "ash", "sh"}
	if wanted != "" {
		shells = []string{wanted}
	}
	for _, shell := range shells {
		path, err := exec.LookPath(shell)
		if err != nil {
			continue
		}
		if err := os.Chdir(dir); err != nil {
			return err
		}
		return syscall.Exec(path, []string{path, "-l"}, os.Environ())
	}
	return fmt.Errorf("the image has no shell (looked for %v); name one as dev.shell, or use `nhctl dev exec -- PROGRAM`", shells)
}
