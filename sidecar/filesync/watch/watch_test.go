package watch

import (
	"strings"
	"syscall"
	"testing"
)

func TestLimitNamesTheNumber(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  LimitError
		want string
	}{
		"a usual number": {LimitError{Watched: 8000, Unwatched: 2000, Cause: syscall.ENOSPC},
			"8000 of 10000 are watched (no space left on device)"},
		"its command": {LimitError{Watched: 8000, Unwatched: 2000, Cause: syscall.ENOSPC},
			"sudo sysctl fs.inotify.max_user_watches=524288"},
		"a huge tree": {LimitError{Watched: 500_000, Unwatched: 1, Cause: syscall.ENOSPC}, "max_user_watches=1048576"},
	} {
		if text := tt.err.Error(); !strings.Contains(text, tt.want) {
			t.Errorf("%s: %s", name, text)
		}
	}
}
