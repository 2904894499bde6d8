package kept

import (
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPrune(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for _, v := range []struct {
		session string
		age     time.Duration
		bytes   int64
	}{
		{"live", 400 * 24 * time.Hour, 2 << 30}, // however old and large
		{"ended", time.Hour, 10},
		{"ended", MaxAge + time.Hour, 10},
		{"large", 2 * time.Hour, MaxBytes - 100},
		{"large", 3 * time.Hour, 200},
		{"small", 4 * time.Hour, 5}, // older than what is too much, but there is room
		{"old", MaxAge + time.Minute, 1},
	} {
		file := filepath.Join(dir, v.session, "folder", "src", "f", now.Add(-v.age).Format(layout)+".replaced")
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Truncate(v.bytes); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	if err := Prune(dir, func(s string) bool { return s == "live" }, now); err != nil {
		t.Fatal(err)
	}
	var left []string
	if err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			session, _, _ := strings.Cut(strings.TrimPrefix(path, dir+"/"), "/")
			left = append(left, session)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	sort.Strings(left)
	if diff := cmp.Diff([]string{"ended", "large", "live", "small"}, left); diff != "" {
		t.Error(diff)
	}
	if _, err := os.Stat(filepath.Join(dir, "old")); !os.IsNotExist(err) {
		t.Errorf("the folder of a session of which nothing is left: %v", err)
	}
	if err := Prune(filepath.Join(dir, "none"), nil, now); err != nil {
		t.Errorf("where nothing was ever kept: %v", err)
	}
}
