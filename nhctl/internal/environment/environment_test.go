package environment

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestForCall(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		env   []string
		named []string
		want  []string
	}{
		"who and where": {[]string{"HOME", "USER", "PATH", "XDG_CONFIG_HOME", "Path", "USERPROFILE"}, nil,
			[]string{"HOME", "PATH", "Path", "USER", "USERPROFILE", "XDG_CONFIG_HOME"}},
		"kubeconfig": {[]string{"KUBECONFIG", "KUBERNETES_EXEC_INFO"}, nil,
			[]string{"KUBECONFIG", "KUBERNETES_EXEC_INFO"}},
		"proxies, either case": {[]string{"HTTPS_PROXY", "https_proxy", "no_proxy", "ALL_PROXY"}, nil,
			[]string{"ALL_PROXY", "HTTPS_PROXY", "https_proxy", "no_proxy"}},
		"credentials": {
			[]string{"AWS_PROFILE", "GOOGLE_APPLICATION_CREDENTIALS", "AZURE_CONFIG_DIR", "SSH_AUTH_SOCK"}, nil,
			[]string{"AWS_PROFILE", "AZURE_CONFIG_DIR", "GOOGLE_APPLICATION_CREDENTIALS", "SSH_AUTH_SOCK"},
		},
		"what is no one's": {[]string{"GITHUB_TOKEN", "NPM_TOKEN", "DATABASE_URL", "OPENAI_API_KEY",
			"SLACK_WEBHOOK", "CARGO_REGISTRY_TOKEN"}, nil, nil},
		"where debuggers are found": {[]string{"GOPROXY", "GOPRIVATE", "PIP_INDEX_URL"}, nil,
			[]string{"GOPRIVATE", "GOPROXY", "PIP_INDEX_URL"}},
		"what the config names": {[]string{"GITHUB_TOKEN", "FEATURE"}, []string{"FEATURE"}, []string{"FEATURE"}},
		"a star is no name":     {[]string{"GITHUB_TOKEN"}, []string{"*"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{}
			for _, key := range tt.env {
				env[key] = "value"
			}
			var got []string
			for key, value := range ForCall(env, tt.named) {
				if got = append(got, key); value != "value" {
					t.Errorf("%s: %q", key, value)
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whoever has a plugin of their own names what it needs.
func TestForCallExtra(t *testing.T) {
	t.Parallel()
	want := map[string]string{"NHCTL_ENV": "ACME_*, LOGIN", "ACME_ID": "1", "LOGIN": "2"}
	got := ForCall(map[string]string{"NHCTL_ENV": "ACME_*, LOGIN", "ACME_ID": "1", "LOGIN": "2", "OTHER": "3"}, nil)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The daemon serves later callers, who may have other credentials or none: it is started without any.
func TestForDaemon(t *testing.T) {
	t.Parallel()
	got := ForDaemon([]string{"HOME=/h", "AWS_PROFILE=prod", "PATH=/bin", "HTTPS_PROXY=http://p", "KUBECONFIG=/k", "XDG_RUNTIME_DIR=/r", "GITHUB_TOKEN=x", "A"})
	if diff := cmp.Diff([]string{"HOME=/h", "PATH=/bin", "XDG_RUNTIME_DIR=/r"}, got); diff != "" {
		t.Error(diff)
	}
}
