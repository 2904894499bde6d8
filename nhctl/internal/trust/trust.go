// Package trust says what a config asks of the computer beyond ordinary development in a pod, and keeps what the user
// has agreed to. A config comes from the cluster, or with a repository that was cloned a minute ago: it is data until
// someone has looked at it. The package knows nothing of how it is asked.
package trust

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/environment"
	"github.com/nhctl/nhctl/nhctl/internal/escape"
	"github.com/nhctl/nhctl/nhctl/internal/localsync"
	"github.com/nhctl/nhctl/nhctl/internal/podenv"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/filesync"
)

// Request is what a config asks for one service.
type Request struct {
	// Origin is the config's file, or the place in the cluster.
	Origin string `json:"origin"`
	// Claims are sentences without a subject, such as "takes port 8080 of this computer". They have all that the answer
	// is about, so that the same claims need no second answer, and others do.
	Claims []string `json:"claims"`
}

// Empty says that there is nothing to ask.
func (r Request) Empty() bool { return len(r.Claims) == 0 }

// Hash names the content of the request; "" when there is nothing to ask.
func (r Request) Hash() string {
	if r.Empty() {
		return ""
	}
	text, _ := json.Marshal(r) // strings
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Text lists the claims for people.
func (r Request) Text() string {
	return "the config " + escape.Line(r.Origin) + "\n  - " + strings.ReplaceAll(strings.Join(r.Claims, "\n- "), "\n",
		"\n  ")
}

// Problem is the error where no one has agreed yet. It asks the question; another way is to look at the config.
func (r Request) Problem() *problem.Error {
	return Asking(problem.New(problem.Untrusted, "this needs your trust first, once: %s", r.Text()).
		WithHint("look at it, then: nhctl config trust; in a script: nhctl dev start --yes"), r)
}

// Asking adds to a problem the question about what services of one config ask for, and a link to that config.
func Asking(p *problem.Error, all ...Request) *problem.Error {
	p = p.WithQuestion(Question(all...))
	if link := fileLink(all[0].Origin); link != "" {
		p = p.WithRemedy(problem.Remedy{Title: "look at the config", Link: link})
	}
	return p
}

// fileLink is a link to a file of this computer; "" for a place in the cluster.
func fileLink(origin string) string {
	if !filepath.IsAbs(origin) {
		return ""
	}
	path := filepath.ToSlash(origin)
	if !strings.HasPrefix(path, "/") { // a drive
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// Question asks the user to agree.
func (r Request) Question() problem.Question { return Question(r) }

// Question asks the user to agree to all that services of one config ask for.
func Question(all ...Request) problem.Question {
	id, texts := "trust", []string{}
	for _, r := range all {
		id, texts = id+" "+r.Hash(), append(texts, r.Text())
	}
	return problem.Question{
		ID:      id,
		Text:    "this needs your trust, once: " + strings.Join(texts, "\n"),
		Choices: []problem.Choice{{ID: problem.Yes, Title: "trust this config"}},
	}
}

// Of is what a config asks for one of its services.
func Of(file *config.File, service *config.Service) Request {
	if file == nil || service == nil {
		return Request{}
	}
	c := claims{repository: repository(file.Folder), folder: file.Folder}
	c.files(file)
	c.variables(file)
	c.local(service)
	for _, container := range service.Containers {
		c.ports(container.Dev.PortForward)
		c.syncs(container.Dev.Sync)
		for _, p := range container.Dev.Patches {
			c.add("changes the dev pod by a %s patch:\n  %s", p.Type, indented(strings.TrimSpace(p.Patch)))
		}
	}
	return Request{Origin: file.Path, Claims: c.list}
}

// claims collects sentences.
type claims struct {
	repository, folder string
	list               []string
}

func (c *claims) add(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(c.list, text) {
		c.list = append(c.list, text)
	}
}

// files are those that the config puts into its text from outside of the repository.
func (c *claims) files(file *config.File) {
	if file.Shared() {
		return // it can't name any
	}
	for _, name := range file.Files {
		if real := resolve(name); !c.inside(real) {
			c.add("reads %s, outside of the repository", escape.Line(real))
		}
	}
}

// variables are those of the environment that look like credentials.
func (c *claims) variables(file *config.File) {
	for _, name := range file.Variables {
		if environment.Secret(name) {
			c.add("puts your variable %s into its text", name)
		}
	}
}

// local is how the service runs as a process of this computer.
func (c *claims) local(service *config.Service) {
	l := service.Local
	if l.Empty() {
		return
	}
	if !l.Command.Empty() {
		c.add("runs a command on this computer: %s", indented(l.Command.String()))
	}
	if dir := c.path(l.Dir); !c.inside(dir) {
		c.add("runs commands in %s, outside of the repository", escape.Line(dir))
	}
	for _, e := range l.Env {
		if podenv.IsKept(strings.ToUpper(e.Name)) { // Windows has names in any case
			c.add("sets %s of commands on this computer: %s", e.Name, indented(e.Value))
		}
	}
	if l.Traffic == config.TrafficNone {
		return
	}
	ports := "the pods' own"
	if len(l.Ports) > 0 {
		ports = strings.Join(l.Ports, ", ")
	}
	c.add("has traffic of Service %s in the cluster come to ports of this computer (%s): %s",
		cmp.Or(l.Service, service.Name), l.Traffic, ports)
}

// path is a path of the config, without links.
func (c *claims) path(name string) string {
	name = filepath.FromSlash(name)
	if !filepath.IsAbs(name) {
		name = filepath.Join(c.folder, name)
	}
	return resolve(name)
}

// ports are local ones that the config chooses. Any free one can't get into the way of what the computer has there.
func (c *claims) ports(forwards []string) {
	for _, text := range forwards {
		if local, _, err := config.Ports(text); err == nil && local != 0 {
			c.add("takes port %d of this computer", local)
		}
	}
}

// syncs are folders outside of the repository, and those where git's ignore rules don't hold.
func (c *claims) syncs(all config.Syncs) {
	for _, s := range all {
		if folder := s.Local; folder != "" && folder != "." {
			if folder = c.path(folder); !c.inside(folder) {
				c.add("syncs %s, outside of the repository", escape.Line(folder))
			}
		}
		if s.Type != "send" {
			c.arrivals(s)
		}
		if !s.GitIgnore() && s.Type != "receive" {
			c.add("sends what git ignores: sync of %s goes by patterns%s%s", escape.Line(cmp.Or(s.Local, ".")),
				patterns(", only ", s.FilePattern), patterns(", not ", s.IgnoreFilePattern))
		}
	}
}

// arrivals is what may come from the container: deletions that no one is asked about, and links that lead anywhere.
func (c *claims) arrivals(s config.Sync) {
	folder := escape.Line(cmp.Or(s.Local, "."))
	percent, files := filesync.DefaultGuard.Percent, filesync.DefaultGuard.Files
	if s.DeletionGuard.Percent != nil {
		percent = *s.DeletionGuard.Percent
	}
	if s.DeletionGuard.Files != nil {
		files = *s.DeletionGuard.Files
	}
	switch {
	case !s.DeleteProtection:
		c.add("deletes files of %s on this computer without asking, however many the container deletes", folder)
	case percent > filesync.DefaultGuard.Percent || files > filesync.DefaultGuard.Files:
		c.add("deletes files of %s on this computer without asking, unless the container deletes over %d %% of "+
			"them, and over %d", folder, percent, files)
	}
	if s.LinksOutside {
		c.add("takes links from the container into %s that lead out of it", folder)
	}
}

func patterns(word string, list []string) string {
	if len(list) == 0 {
		return ""
	}
	return word + escape.Line(strings.Join(list, " "))
}

// inside says whether a path is in the repository. A config from the cluster has none, and names no paths.
func (c *claims) inside(path string) bool {
	rel, err := filepath.Rel(c.repository, path)
	return err == nil && filepath.IsLocal(rel)
}

// repository is the top folder of the repository that a folder is in, or else the folder itself, without links.
func repository(folder string) string {
	folder = resolve(folder)
	if r := localsync.Find(folder, nil); r != nil {
		return r.Top()
	}
	return folder
}

// resolve follows links; a path that leads nowhere stays as it is.
func resolve(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return filepath.Clean(path)
}

// indented is text from a config of several lines, safe to show: none of them looks like a claim of its own.
func indented(text string) string { return strings.ReplaceAll(escape.Text(text), "\n", "\n  ") }
