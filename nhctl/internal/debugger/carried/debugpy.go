package carried

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// DebugpyRequirement is debugpy as pip has to know it, and debugpyHash the SHA-256 of its wheel, whichever index has
// it.
const (
	DebugpyRequirement = "debugpy==" + debugpyVersion

	debugpyVersion = "1.8.21"
	debugpyHash    = "b1e37d333663c8851516a47364ef473da127f9caebe4417e6df6f5825a7e9a92"
	debugpyWheel   = "debugpy-" + debugpyVersion + "-py2.py3-none-any.whl"
)

// Debugpy is Python's debugger, as the wheel for any Python and architecture, which pip downloads from the index that
// it is configured for.
type Debugpy struct {
	Store
	// Python is an interpreter with pip; empty where this computer has none.
	Python string
}

// ErrNoPython says that this computer has no Python.
var ErrNoPython = errors.New("there is no python3 in your PATH")

func (d Debugpy) file() string { return filepath.Join(d.Dir, debugpyWheel) }

// Find returns the file of the wheel that was downloaded before; "" without one.
func (d Debugpy) Find() string {
	if checkWheel(d.file()) != nil {
		return ""
	}
	return d.file()
}

func checkWheel(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != debugpyHash {
		return fmt.Errorf("%s has another content than the one of %s", filepath.Base(file), DebugpyRequirement)
	}
	return nil
}

// Make has pip download the wheel where there is none yet, and returns its file.
func (d Debugpy) Make(ctx context.Context) (string, error) {
	if d.Python == "" {
		return "", ErrNoPython
	}
	err := d.made(ctx, d.file(), d.Find, func(work string) error {
		err := d.run(ctx, work, nil, d.Python, "-m", "pip", "--disable-pip-version-check", "download", "--quiet",
			"--no-deps", "--only-binary=:all:", "--platform=any", "--python-version=3.8", "--implementation=py",
			"--abi=none", "--dest=.", DebugpyRequirement)
		if err != nil {
			return err
		}
		return checkWheel(filepath.Join(work, debugpyWheel))
	})
	if err != nil {
		return "", fmt.Errorf("download %s: %w", DebugpyRequirement, err)
	}
	return d.file(), nil
}
