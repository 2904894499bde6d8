package localsync

import (
	"os"
	"path/filepath"
	"strings"

	gitconfig "github.com/go-git/go-git/v5/plumbing/format/config"
)

// Origin is the URL of git's remote "origin" of the repository that a folder is in; "" when there is none.
func Origin(dir string) string {
	if r := Find(dir, nil); r != nil {
		return remote(filepath.Join(r.common, "config"))
	}
	return ""
}

func remote(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	c := gitconfig.New()
	if gitconfig.NewDecoder(f).Decode(c) != nil {
		return ""
	}
	return c.Section("remote").Subsection("origin").Option("url")
}

// SameRepository says whether two URLs mean one repository, whichever protocol and user they go by.
func SameRepository(a, b string) bool { return bare(a) == bare(b) }

// bare is host/path of a URL, or of git's user@host:path.
func bare(url string) string {
	url = strings.ToLower(strings.TrimSpace(url))
	_, rest, scheme := strings.Cut(url, "://")
	if scheme {
		url = rest
	}
	host, path, _ := strings.Cut(url, "/")
	if at := strings.LastIndex(host, "@"); at >= 0 {
		host = host[at+1:]
	}
	host, more, colon := strings.Cut(host, ":")
	if colon && !scheme {
		path = strings.TrimPrefix(more+"/"+path, "/")
	}
	return host + "/" + strings.TrimSuffix(strings.Trim(path, "/"), ".git")
}
