package cp

import "testing"

func TestProtected(t *testing.T) {
	t.Parallel()
	for path, out := range map[string]bool{".": false, "main.go": false, ".git": true, ".git/config": true,
		"sub/.envrc": true, "a.git": false} {
		if got := protected(path) != ""; got != out {
			t.Errorf("%s is left out: %v, want %v", path, got, out)
		}
	}
}
