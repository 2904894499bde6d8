// Package token reads the tokens of a pod's sessions, from the directory that the session's Secret is mounted in. It
// knows nothing of what they open.
package token

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// Text is a session's token as its file has it, in hex. A root other than "" is put before the path.
func Text(root, session string) ([]byte, error) {
	dir, err := os.OpenRoot(filepath.Join(root, contract.TokenDir, contract.Tokens))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.ReadFile(session)
}

// In returns the tokens below a root, as a server of carriers asks for them. It reads the file each time, since that
// may change, and other sessions' come while it runs.
func In(root string) func(session string) ([]byte, error) {
	return func(session string) ([]byte, error) {
		text, err := Text(root, session)
		if err != nil {
			return nil, fmt.Errorf("this pod has no session %q: %w", session, err)
		}
		return hex.DecodeString(strings.TrimSpace(string(text)))
	}
}
