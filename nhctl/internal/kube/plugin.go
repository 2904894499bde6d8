package kube

import (
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/net/http/httpproxy"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// plugin makes a credential plugin run as kubectl would run it for the caller: found by their PATH, in their folder,
// with their environment. The daemon has no terminal, so it asks nothing.
func (o Options) plugin(p *api.ExecConfig) error {
	p.InteractiveMode = api.NeverExecInteractiveMode
	// In one order: client-go keeps one plugin, with its credentials, for all clients with the same settings.
	for _, name := range slices.Sorted(maps.Keys(o.Env)) {
		p.Env = append(p.Env, api.ExecEnvVar{Name: name, Value: o.Env[name]})
	}
	program := LookPath(p.Command, o.Env, o.Dir)
	if program == "" {
		hint := p.InstallHint
		if hint == "" {
			hint = "install it, or put its directory into the PATH of the shell in which nhctl is called"
		}
		return problem.New(problem.Usage, "the kubeconfig's credential plugin %s is not in your PATH", p.Command).
			WithHint("%s", hint)
	}
	limited(p, o.Dir, program)
	return nil
}

// LookPath finds a program by a caller's PATH, and in their folder; "" when there is none.
func LookPath(program string, env map[string]string, dir string) string {
	if strings.ContainsRune(program, '/') || strings.ContainsRune(program, filepath.Separator) {
		if !filepath.IsAbs(program) {
			program = filepath.Join(dir, program)
		}
		return executable(program, env)
	}
	for _, in := range filepath.SplitList(variable(env, "PATH")) {
		if in == "" || !filepath.IsAbs(in) { // a program of whatever folder the caller happens to be in is not meant
			continue
		}
		if found := executable(filepath.Join(in, program), env); found != "" {
			return found
		}
	}
	return ""
}

// executable is a program's file: on Windows with one of the extensions that mark programs there.
func executable(file string, env map[string]string) string {
	if runtime.GOOS != "windows" {
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file
		}
		return ""
	}
	extensions := variable(env, "PATHEXT")
	if extensions == "" {
		extensions = ".com;.exe;.bat;.cmd"
	}
	for _, extension := range append(strings.Split(strings.ToLower(extensions), ";"), "") {
		if extension == "" && filepath.Ext(file) == "" {
			continue
		}
		if info, err := os.Stat(file + extension); err == nil && info.Mode().IsRegular() {
			return file + extension
		}
	}
	return ""
}

// variable is one of a caller's, in whatever case Windows has its name.
func variable(env map[string]string, name string) string {
	if value, ok := env[name]; ok || runtime.GOOS != "windows" {
		return value
	}
	for key, value := range env {
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// proxy chooses the proxy that the caller's environment names, as Go's own programs do.
func (o Options) proxy() func(*http.Request) (*url.URL, error) {
	either := func(name string) string {
		if value := o.Env[strings.ToLower(name)]; value != "" {
			return value
		}
		return o.Env[name]
	}
	choose := (&httpproxy.Config{HTTPProxy: either("HTTP_PROXY"), HTTPSProxy: either("HTTPS_PROXY"),
		NoProxy: either("NO_PROXY")}).ProxyFunc()
	return func(r *http.Request) (*url.URL, error) { return choose(r.URL) }
}
