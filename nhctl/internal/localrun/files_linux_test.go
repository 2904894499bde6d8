package localrun

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/podfiles"
	"github.com/nhctl/nhctl/sidecar/agent/request"
)

// seen is the variable with the file by which a command says that it has seen the first version.
const seen = "SEEN"

// settings are a volume with one key, in a version.
func settings(version string) request.Files {
	return request.Files{Trees: []request.Tree{{Path: "/etc/nhctl-test/web", Entries: []request.Entry{
		{Path: ".", Mode: fs.ModeDir | 0o755},
		{Path: "..v" + version, Mode: fs.ModeDir | 0o755},
		{Path: "..v" + version + "/color", Mode: 0o440, Data: []byte(version)},
		{Path: "..data", Mode: fs.ModeSymlink | 0o777, Target: "..v" + version},
		{Path: "color", Mode: fs.ModeSymlink | 0o777, Target: "..data/color"},
	}}}}
}

// A command has a workload's files from its first instruction on, sees their changes, and can't change them. The
// computer gets none of them.
func TestFilesInside(t *testing.T) {
	saw := filepath.Join(t.TempDir(), "seen")
	watch := func(ctx context.Context, update func(request.Files) error) error {
		if err := update(settings("1")); err != nil {
			return err
		}
		for {
			if _, err := os.Stat(saw); err == nil {
				break
			}
			if err := delay.For(ctx, 10*time.Millisecond); err != nil {
				return err
			}
		}
		if err := update(settings("2")); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	}
	got := runWith(t, &gateway{}, "files", func(o *Options) {
		o.Env = append(o.Env, seen+"="+saw)
		o.Files = &podfiles.Options{
			Watch:  watch,
			Refuse: func(string) (string, bool) { return "", false },
			Notice: func(text string) { t.Error(text) },
		}
	})
	if diff := cmp.Diff("1 -r--r-----\nread-only\n2 -r--r-----\n", got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if _, err := os.Lstat("/etc/nhctl-test"); err == nil {
		t.Error("the computer has got the files")
	}
}

func readFiles() error {
	const dir = "/etc/nhctl-test/web/"
	show := func() (string, error) {
		data, err := os.ReadFile(dir + "color")
		if err != nil {
			return "", err
		}
		info, err := os.Stat(dir + "color")
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s %s", data, info.Mode()), nil
	}
	first, err := show()
	if err != nil {
		return err
	}
	fmt.Println(first)
	if err := os.WriteFile(dir+"mine", nil, 0o600); errors.Is(err, syscall.EROFS) {
		fmt.Println("read-only")
	}
	if err := os.WriteFile(os.Getenv(seen), nil, 0o600); err != nil {
		return err
	}
	for begun := time.Now(); ; {
		now, err := show()
		if err != nil {
			return err
		}
		if now != first {
			fmt.Println(now)
			return nil
		}
		if time.Since(begun) > limit {
			return errors.New("no change is seen")
		}
		_ = delay.For(context.Background(), 10*time.Millisecond)
	}
}
