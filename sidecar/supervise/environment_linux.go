package supervise

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// surroundings are what the environment of a container may lack.
type surroundings struct {
	// home takes the place of a home that can't be written to, as of a user that the image does not know.
	home string
	// tools has programs that were brought, which come after those of the image.
	tools string
}

// environment is that of the container, with more variables.
func (s surroundings) environment(extra map[string]string) []string {
	env := os.Environ()
	for key, value := range extra {
		env = set(env, key, value)
	}
	if s.home != "" && !writable(valueOf(env, "HOME")) && writable(s.home) {
		env = set(env, "HOME", s.home)
	}
	if info, err := os.Stat(s.tools); err == nil && info.IsDir() {
		env = set(env, "PATH", valueOf(env, "PATH")+":"+s.tools)
	}
	return env
}

// writable says whether a folder can be written to; one that is missing is made.
func writable(dir string) bool {
	return filepath.IsAbs(dir) && os.MkdirAll(dir, 0o755) == nil && unix.Access(dir, unix.W_OK|unix.X_OK) == nil
}

// valueOf is a variable's value in an environment; the last one counts.
func valueOf(env []string, key string) string {
	value := ""
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, key+"="); ok {
			value = v
		}
	}
	return value
}

// set gives a variable the only value in an environment: of two, programs take either.
func set(env []string, key, value string) []string {
	kept := make([]string, 0, len(env)+1)
	for _, e := range env {
		if !strings.HasPrefix(e, key+"=") {
			kept = append(kept, e)
		}
	}
	return append(kept, key+"="+value)
}
