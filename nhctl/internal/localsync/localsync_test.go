package localsync

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

func TestCheckRoot(t *testing.T) {
	t.Parallel()
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(base, "home", "me")
	for _, dir := range []string{filepath.Join(home, "src", "web"), filepath.Join(base, "other", ".ssh"),
		filepath.Join(home, ".ssh", "old"),
		filepath.Join(home, ".gnupg"), filepath.Join(home, ".kube"), filepath.Join(home, ".aws"),
		filepath.Join(home, ".azure"),
		filepath.Join(home, ".docker", "contexts"), filepath.Join(home, ".config", "gcloud"),
		filepath.Join(home, ".configs"),
		filepath.Join(home, "src", "web", ".config")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	link, keys := filepath.Join(base, "link"), filepath.Join(home, "src", "keys")
	for from, to := range map[string]string{link: home, keys: "../.ssh"} {
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		dir  string
		code problem.Code
	}{
		"sources":                        {filepath.Join(home, "src", "web"), ""},
		"root":                           {"/", problem.Refused},
		"home":                           {home, problem.Refused},
		"link to home":                   {link, problem.Refused},
		"above home":                     {filepath.Join(base, "home"), problem.Refused},
		"keys in it":                     {filepath.Join(base, "other"), problem.Refused},
		"keys":                           {filepath.Join(home, ".ssh"), problem.Refused},
		"below keys":                     {filepath.Join(home, ".ssh", "old"), problem.Refused},
		"keys by a link":                 {keys, problem.Refused},
		"keys by a link to home":         {filepath.Join(link, ".ssh"), problem.Refused},
		"GnuPG's":                        {filepath.Join(home, ".gnupg"), problem.Refused},
		"Kubernetes'":                    {filepath.Join(home, ".kube"), problem.Refused},
		"AWS'":                           {filepath.Join(home, ".aws"), problem.Refused},
		"Azure's":                        {filepath.Join(home, ".azure"), problem.Refused},
		"below Docker's":                 {filepath.Join(home, ".docker", "contexts"), problem.Refused},
		"below the settings of programs": {filepath.Join(home, ".config", "gcloud"), problem.Refused},
		"a name that begins like one":    {filepath.Join(home, ".configs"), ""},
		"settings of a project":          {filepath.Join(home, "src", "web", ".config"), ""},
		"a system folder":                {"/etc", problem.Refused},
		"below a system folder":          {"/usr/bin", problem.Refused},
		"what changes of the system":     {"/var", problem.Refused},
		"processes":                      {"/proc/self", problem.Refused},
		"not there":                      {filepath.Join(base, "nothing"), problem.Usage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := os.Stat(tt.dir); err != nil && tt.code == problem.Refused {
				t.Skipf("not on this system: %v", err)
			}
			_, err := CheckRoot(tt.dir, home)
			if tt.code == "" && err != nil || tt.code != "" && (err == nil || problem.From(err).Code != tt.code) {
				t.Errorf("got %v, want code %q", err, tt.code)
			}
		})
	}
}

// A folder is refused for what it is, whatever the case that its name is written in.
func TestCheckRootKnowsCase(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(home, ".SSH")
	if _, err := os.Stat(other); err != nil {
		if err := os.Symlink(".ssh", other); err != nil { // what a file system that folds case does by itself
			t.Fatal(err)
		}
	}
	if _, err := CheckRoot(other, home); err == nil || problem.From(err).Code != problem.Refused {
		t.Errorf("got %v", err)
	}
}

// Sources are below system folders, too, and on some systems the home folder is.
func TestCheckRootBelowSystem(t *testing.T) {
	t.Parallel()
	below, err := os.MkdirTemp("/var/tmp", "nhctl-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(below) })
	for name, tt := range map[string]struct {
		dir  string
		home string
		want string
	}{
		"for sources":               {below, "", ""},
		"what holds them":           {"/var/tmp", "", "it is in the system folder /var"},
		"a home folder below /var":  {"/var/tmp", "/var", ""},
		"a home that is everything": {"/etc", "/", "it is or holds the system folder /etc"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := unfit(tt.dir, []string{tt.home}); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
