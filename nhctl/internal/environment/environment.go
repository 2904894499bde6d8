// Package environment says which of a user's variables leave their shell: what the daemon is started with, and what
// each call brings for its kubeconfig, credential plugins, proxies and config. All else stays where it is.
package environment

import (
	"slices"
	"strings"
)

// Extra is the variable that names further ones for credential plugins, separated by commas. A name may end with *.
const Extra = "NHCTL_ENV"

// system is what any program of the user needs, whatever it does.
var system = [...]string{
	"HOME", "USER", "LOGNAME", "USERNAME", "PATH", "LANG", "LC_*", "TZ", "TMPDIR", "TMP", "TEMP", "XDG_*", "NHCTL_*",
	"GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"GODEBUG", "GOMAXPROCS", "GOMEMLIMIT", "GOTRACEBACK", "GOCOVERDIR",
	// Windows
	"USERPROFILE", "USERDOMAIN", "HOMEDRIVE", "HOMEPATH", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES*",
	"COMMONPROGRAMFILES*",
	"SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "OS", "NUMBER_OF_PROCESSORS", "PROCESSOR_*",
}

// credentials is what kubeconfig, its plugins and the way to the cluster may need.
var credentials = [...]string{
	"KUBE*", "*_PROXY",
	// clouds, vaults and identity providers
	"AWS_*", "GOOGLE_*", "CLOUDSDK_*", "GCLOUD_*", "USE_GKE_GCLOUD_AUTH_PLUGIN", "AZURE_*", "AAD_*", "ARM_*", "MSI_*",
	"IDENTITY_*", "OCI_*",
	"IBMCLOUD_*", "ALIBABA_CLOUD_*", "ALICLOUD_*", "TENCENTCLOUD_*", "DIGITALOCEAN_*", "HCLOUD_*", "SCW_*", "LINODE_*",
	"OS_*", "OIDC_*",
	"OKTA_*", "VAULT_*", "TELEPORT_*", "TSH_*", "PINNIPED_*", "RANCHER_*", "OP_*", "BW_*",
	// agents, keyrings, Kerberos, and the browser that a login opens
	"SSH_AUTH_SOCK", "SSH_AGENT_PID", "GNUPGHOME", "GPG_TTY", "KRB5*", "DBUS_SESSION_BUS_ADDRESS", "PASSWORD_STORE_*",
	"DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "BROWSER",
	// plugins in other languages
	"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV",
	"LD_LIBRARY_PATH", "DYLD_*",
	"ASDF_*", "MISE_*", "PYENV_*", "NIX_*",
	// where a debugger finds Go's sources, and where Go and pip find debuggers
	"GOROOT", "GOPATH", "GOMODCACHE", "GOENV", "GOFLAGS", "GOTOOLCHAIN", "GOCACHE",
	"GOPROXY", "GOPRIVATE", "GONOPROXY", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "GOAUTH", "PIP_*",
}

// ForDaemon is what the daemon is started with, as KEY=VALUE: nothing that is one caller's alone, since it serves those
// that come later.
func ForDaemon(environ []string) []string {
	var kept []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if matches(system[:], name) {
			kept = append(kept, entry)
		}
	}
	return kept
}

// ForCall is what a call brings: named are those that the caller's config puts into its text.
func ForCall(env map[string]string, named []string) map[string]string {
	named = slices.Concat(named, strings.FieldsFunc(env[Extra], func(r rune) bool { return r == ',' || r == ' ' }))
	kept := map[string]string{}
	for name, value := range env {
		if matches(system[:], name) || matches(credentials[:], name) || matches(named, name) {
			kept[name] = value
		}
	}
	return kept
}

// matches says whether a name is one of a list, where * stands for any beginning or end. Proxies' names are written in
// either case, and Windows' in any.
func matches(list []string, name string) bool {
	name = strings.ToUpper(name)
	return slices.ContainsFunc(list, func(pattern string) bool {
		pattern = strings.ToUpper(pattern)
		if end, ok := strings.CutPrefix(pattern, "*"); ok && end != "" {
			return strings.HasSuffix(name, end)
		}
		if begin, ok := strings.CutSuffix(pattern, "*"); ok && begin != "" {
			return strings.HasPrefix(name, begin)
		}
		return name == pattern
	})
}

// secret are parts of the names of variables that hold credentials.
var secret = [...]string{"TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "PRIVATE", "APIKEY",
	"API_KEY", "ACCESS_KEY", "AUTH", "COOKIE"}

// Secret says whether a variable looks like a credential by its name.
func Secret(name string) bool {
	name = strings.ToUpper(name)
	return slices.ContainsFunc(secret[:], func(part string) bool { return strings.Contains(name, part) })
}
