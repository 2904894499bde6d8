package kube

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/buildinfo"
)

// kubeconfig writes a file with the contexts work (namespace shop) and bare (none), and returns its path. cluster and
// user are YAML.
func kubeconfig(t testing.TB, cluster, user string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	write(t, file, fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: work
clusters: [{name: c, cluster: {%s}}]
users: [{name: ada, user: %s}]
contexts:
- {name: work, context: {cluster: c, user: ada, namespace: shop}}
- {name: bare, context: {cluster: c, user: ada}}
`, cluster, user))
	return file
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// client is one of a cluster, in namespace shop.
func client(t testing.TB, cluster string) *Client {
	t.Helper()
	c, err := New(Options{Kubeconfig: kubeconfig(t, cluster, "{token: secret}")})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// serve is a client of an API server that is one handler.
func serve(t testing.TB, handler http.Handler) *Client {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return client(t,
		"server: "+server.URL+", certificate-authority-data: "+base64.StdEncoding.EncodeToString(authority))
}

// respond answers with an object.
func respond(w http.ResponseWriter, code int, object any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(object)
}

// status is how an API server says no.
func status(code int32, reason metav1.StatusReason, message string) metav1.Status {
	return metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure,
		Code:     code,
		Reason:   reason,
		Message:  message,
		Details:  &metav1.StatusDetails{Name: "web", Kind: "deployments"},
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	list := at("one") + string(filepath.ListSeparator) + string(filepath.ListSeparator) + "two"
	for name, tt := range map[string]struct {
		options Options
		want    []string
	}{
		"flag": {Options{Kubeconfig: at("mine"), Env: map[string]string{"KUBECONFIG": list}},
			[]string{at("mine")}},
		"flag, relative": {Options{Kubeconfig: "mine", Dir: dir}, []string{at("mine")}},
		"environment": {Options{Dir: dir, Env: map[string]string{"KUBECONFIG": list, "HOME": at("home")}},
			[]string{at("one"), at("two")}},
		"home": {Options{Env: map[string]string{"HOME": at("home"), "USERPROFILE": at("profile")}},
			[]string{at("home", ".kube", "config")}},
		"home on Windows": {Options{Env: map[string]string{"USERPROFILE": at("profile")}},
			[]string{at("profile", ".kube", "config")}},
		"nothing but a dir": {Options{Dir: dir}, []string{at(".kube", "config")}},
	} {
		if diff := cmp.Diff(tt.want, tt.options.Paths()); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	const server = "http://127.0.0.1:1"
	file := kubeconfig(t, "server: "+server, "{token: secret}")
	type client struct {
		Namespace, Context, Server string
		Files                      []string
	}
	for name, tt := range map[string]struct {
		options Options
		want    client
	}{
		"as the file says": {Options{Kubeconfig: file}, client{"shop", "work", server, []string{file}}},
		"another namespace": {Options{Kubeconfig: file, Namespace: "other"},
			client{"other", "work", server, []string{file}}},
		"another context": {Options{Kubeconfig: file, Context: "bare"},
			client{"default", "bare", server, []string{file}}},
		"from the environment": {Options{Env: map[string]string{"KUBECONFIG": file}},
			client{"shop", "work", server, []string{file}}},
	} {
		c, err := New(tt.options)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(tt.want, client{c.Namespace, c.Context, c.Server(), c.Files}); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	contexts, err := Contexts(Options{Kubeconfig: file})
	var names []string
	for _, c := range contexts {
		names = append(names, c.Name+" at "+c.Server)
	}
	sort.Strings(names)
	if diff := cmp.Diff([]string{"bare at " + server, "work at " + server}, names); diff != "" || err != nil {
		t.Errorf("contexts: %v\n%s", err, diff)
	}
}

// Clients have the same access where server and credentials are the same, whatever else differs.
func TestAccess(t *testing.T) {
	t.Parallel()
	access := func(server, user string) string {
		t.Helper()
		file := filepath.Join(t.TempDir(), "config")
		write(t, file, fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: x,
clusters: [{name: c, cluster: {server: %q}}], users: [{name: u, user: %s}],
contexts: [{name: x, context: {cluster: c, user: u}}]}`, server, user))
		c, err := New(Options{Kubeconfig: file, Env: map[string]string{"PATH": "/bin"}})
		if err != nil {
			t.Fatal(err)
		}
		return c.Access()
	}
	const server = "https://a.test"
	seen := map[string]string{}
	for _, user := range []string{
		"{token: a}", "{token: b}", "{username: a, password: b}", "{token: a, as: ada}",
		"{exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/true, interactiveMode: Never}}",
		"{exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/true, args: [x], interactiveMode: Never}}",
	} {
		one := access(server, user)
		if other, there := seen[one]; there {
			t.Errorf("%s and %s have the same access", user, other)
		}
		seen[one] = user
		if access(server, user) != one {
			t.Errorf("%s differs from itself", user)
		}
		if access("https://b.test", user) == one {
			t.Errorf("%s has the same access to two servers", user)
		}
	}
}

func TestNewTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage")
	write(t, garbage, "clusters: 7\n")
	for name, tt := range map[string]struct {
		options    Options
		want, hint string
	}{
		"no such file":     {Options{Kubeconfig: "missing", Dir: dir}, "read kubeconfig: ", "--kubeconfig"},
		"not a kubeconfig": {Options{Kubeconfig: garbage}, "read kubeconfig: ", "--kubeconfig"},
		"no cluster": {Options{Env: map[string]string{"HOME": dir}},
			"no cluster: none of [" + filepath.Join(dir, ".kube", "config") + "] has one", "make playground"},
		"no such context": {Options{Kubeconfig: kubeconfig(t, "server: http://127.0.0.1:1", "{}"), Context: "away"},
			`context "away" does not exist`, "get-contexts"},
	} {
		_, err := New(tt.options)
		if p := problem.From(err); err == nil || p.Code != problem.Usage || !strings.Contains(p.Message, tt.want) ||
			!strings.Contains(p.Hint, tt.hint) {
			t.Errorf("%s: %+v, want %q and the hint %q", name, p, tt.want, tt.hint)
		}
	}
}

func TestQuestions(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := map[string]string{} // by path: who asked
	mux := http.NewServeMux()
	mux.HandleFunc("POST /apis/authentication.k8s.io/v1/selfsubjectreviews",
		func(w http.ResponseWriter, _ *http.Request) {
			respond(w, http.StatusCreated, authenticationv1.SelfSubjectReview{
				Status: authenticationv1.SelfSubjectReviewStatus{UserInfo: authenticationv1.UserInfo{Username: "ada"}},
			})
		})
	attributes := make(chan *authorizationv1.ResourceAttributes, 1)
	mux.HandleFunc("POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
		func(w http.ResponseWriter, r *http.Request) {
			var review authorizationv1.SelfSubjectAccessReview
			body, err := io.ReadAll(r.Body)
			if err == nil {
				err = runtime.DecodeInto(scheme.Codecs.UniversalDeserializer(), body, &review)
			}
			if err != nil {
				t.Error(err)
				return
			}
			attributes <- review.Spec.ResourceAttributes
			review.Status.Allowed = review.Spec.ResourceAttributes.Verb == "create"
			respond(w, http.StatusCreated, review)
		})
	noon := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	mux.HandleFunc("GET /version", func(http.ResponseWriter, *http.Request) {})
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.URL.Path] = r.UserAgent() + " " + r.Header.Get("Authorization")
		mu.Unlock()
		w.Header().Set("Date", noon.Format(http.TimeFormat))
		mux.ServeHTTP(w, r)
	}))

	// It is asked where no answer came from there yet; from then on every answer tells the time.
	for range 2 {
		if now, err := c.Now(t.Context()); err != nil || now.Sub(noon).Abs() > 30*time.Second {
			t.Errorf("the cluster's clock: %v, %v", now, err)
		}
	}
	if user, err := c.User(t.Context()); err != nil || user != "ada" {
		t.Errorf("user %q, %v", user, err)
	}
	for verb, want := range map[string]bool{"create": true, "delete": false} {
		may, err := c.May(t.Context(), verb, "apps", "deployments")
		if err != nil || may != want {
			t.Fatalf("may %s: %v, %v", verb, may, err)
		}
		if diff := cmp.Diff(&authorizationv1.ResourceAttributes{
			Namespace: "shop",
			Verb:      verb,
			Group:     "apps",
			Resource:  "deployments",
		}, <-attributes); diff != "" {
			t.Errorf("what was asked of %s:\n%s", verb, diff)
		}
	}
	who := "nhctl/" + buildinfo.Version + " Bearer secret"
	if diff := cmp.Diff(map[string]string{"/version": who, "/apis/authentication.k8s.io/v1/selfsubjectreviews": who,
		"/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": who}, asked); diff != "" {
		t.Error(diff)
	}
}
