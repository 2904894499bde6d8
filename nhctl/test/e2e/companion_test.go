//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/podenv"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// settled is what the storefront gets in addition: an identity, and variables and files of every source.
const settled = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: storefront}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: storefront}
data:
  color: blue
  LOCALE: de
  with-lines: "a\n b\n"
  script.sh: "echo hello"
---
apiVersion: v1
kind: Secret
metadata: {name: storefront}
stringData: {password: "s3cret '\"$HOME", API_KEY: "a=b c"}
`

// settle is the patch that has the storefront use them.
const settle = `
{"spec":{"template":{
  "metadata":{"annotations":{"team":"shop"}},
  "spec":{"serviceAccountName":"storefront","securityContext":{"fsGroup":1000},
    "containers":[{"name":"storefront",
      "envFrom":[{"configMapRef":{"name":"bookshop"}},{"prefix":"SHOP_","secretRef":{"name":"storefront"}}],
      "env":[
        {"name":"COLOR","valueFrom":{"configMapKeyRef":{"name":"storefront","key":"color"}}},
        {"name":"PASSWORD","valueFrom":{"secretKeyRef":{"name":"storefront","key":"password"}}},
        {"name":"NAMESPACE","valueFrom":{"fieldRef":{"fieldPath":"metadata.namespace"}}},
        {"name":"MEMORY","valueFrom":{"resourceFieldRef":{"resource":"limits.memory"}}},
        {"name":"ADDRESS","value":"$(NAMESPACE).svc"},
        {"name":"HOME","value":"/nowhere"}],
      "volumeMounts":[
        {"name":"settings","mountPath":"/etc/storefront"},
        {"name":"keys","mountPath":"/var/run/keys"},
        {"name":"all","mountPath":"/nhctl-storefront/all"},
        {"name":"settings","mountPath":"/nhctl-storefront/color.conf","subPath":"color"}]}],
    "volumes":[
      {"name":"settings","configMap":{"name":"storefront"}},
      {"name":"keys","secret":{"secretName":"storefront","defaultMode":288}},
      {"name":"all","projected":{"sources":[
        {"configMap":{"name":"bookshop","items":[{"key":"TONE","path":"deep/tone","mode":256}]}},
        {"secret":{"name":"storefront","items":[{"key":"API_KEY","path":"key"}]}},
        {"downwardAPI":{"items":[{"path":"annotations/team","fieldRef":{"fieldPath":"metadata.annotations['team']"}}]}},
        {"serviceAccountToken":{"path":"token","audience":"shop"}}]}}]}}}}
`

// filePaths are where the storefront's files are.
func filePaths() []string {
	return []string{"/etc/storefront", "/var/run/keys", "/nhctl-storefront/all", "/nhctl-storefront/color.conf",
		"/var/run/secrets/kubernetes.io/serviceaccount"}
}

// listing is a program of Node's that prints what is at paths, as JSON: for each entry its type, its mode, and its
// content or where it leads. A token's content is another for each pod, and so is the name of a volume's directory.
const listing = `
const fs = require('fs'), all = {}, plain = s => s.replace(/\.\.20[0-9_.]+/, '..VERSION');
function add(p) {
  const s = fs.lstatSync(p), mode = (s.mode & 0o777).toString(8), at = plain(p);
  if (s.isSymbolicLink()) all[at] = 'link to ' + plain(fs.readlinkSync(p));
  else if (s.isDirectory()) { all[at] = 'directory ' + mode; fs.readdirSync(p).forEach(n => add(p + '/' + n)); }
  else all[at] = mode + ' ' + (p.endsWith('/token') ? 'token' : fs.readFileSync(p, 'utf8'));
}
process.argv.slice(1).forEach(add);
console.log(JSON.stringify(all));
`

// environment prints this process's variables.
const environment = `console.log(JSON.stringify(process.env))`

// companions is a developer's computer with the storefront as a local process.
type companions struct {
	*developer
	ns  string
	pod string // the storefront's own
}

// inPod runs a program of Node's in the storefront's own pod, and decodes what it prints.
func (c companions) inPod(t *testing.T, pod, program string, args ...string) map[string]string {
	t.Helper()
	argv := append([]string{"-n", c.ns, "exec", pod, "-c", "storefront", "--", "node", "-e", program}, args...)
	out, err := kubectl(t, os.Getenv("NHCTL_TEST_KUBECONFIG"), argv...)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return decoded(t, out)
}

func decoded(t *testing.T, text string) map[string]string {
	t.Helper()
	var all map[string]string
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return all
}

// as runs a command as the storefront.
func (c companions) as(t *testing.T, argv ...string) string {
	t.Helper()
	return c.must("", append([]string{"run", "--workload", "storefront", "--"}, argv...)...)
}

// A command of this computer runs as a workload of the cluster: its answers, environment, files and identity are the
// pod's, for a user with nothing but the Role, under Pod Security "restricted".
func TestRunWorkload(t *testing.T) {
	t.Parallel()
	ns := shop(t)
	shared.apply(t, ns, manifests+"reviews.yaml", manifests+"storefront.yaml")
	shared.create(t, ns, []byte(settled))
	shared.patchDeployment(t, ns, "storefront", settle)
	shared.deploymentReady(t, ns, "storefront")
	shared.deploymentReady(t, ns, "reviews")
	c := companions{developer: shared.developer(t, ns), ns: ns}
	eventually(t, time.Minute, "the pods of before have gone", func(ctx context.Context) error {
		pods, err := shared.typed.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{LabelSelector: "app=storefront"})
		if err == nil && len(pods.Items) != 1 {
			err = fmt.Errorf("%d pods", len(pods.Items))
		}
		if err == nil {
			c.pod = pods.Items[0].Name
		}
		return err
	})
	before, files := shared.mustSnapshot(t, ns), computerFiles(t)
	c.as(t, "true")
	t.Run("Gateway", c.gateway)
	t.Run("Environment", c.environment)
	t.Run("Files", c.files)
	t.Run("Answers", c.answers)
	t.Run("Token", c.token)
	t.Run("PrintEnv", c.printEnv)
	t.Run("ToPod", c.toPod)
	t.Run("Enter", c.enter)
	t.Run("Refused", c.refused)
	t.Run("Disconnect", c.disconnected)
	shared.restored(t, ns, before)
	c.as(t, "true")
	t.Run("Edit", c.edit) // it stays, as what follows
	t.Run("Broken", c.broken)
	if got := c.must("", "disconnect"); !strings.Contains(got, "as deployment/storefront") {
		t.Error(got)
	}
	if after := computerFiles(t); after != files {
		t.Errorf("this computer's files have changed:\n%s\nbefore:\n%s", after, files)
	}
	for _, path := range filePaths() {
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("%s is on this computer", path)
		}
	}
}

// companionPod is the gateway's.
func (c companions) companionPod(t *testing.T) *corev1.Pod {
	t.Helper()
	role := metav1.ListOptions{LabelSelector: contract.LabelRole + "=" + contract.RoleGateway}
	pods, err := shared.typed.CoreV1().Pods(c.ns).List(t.Context(), role)
	if err != nil || len(pods.Items) != 1 {
		t.Fatalf("%d gateways, %v", len(pods.Items), err)
	}
	return &pods.Items[0]
}

// gateway is the workload's pod, but for what runs in it, and no Service selects it.
func (c companions) gateway(t *testing.T) {
	pod := c.companionPod(t)
	if pod.Spec.ServiceAccountName != "storefront" || len(pod.Spec.Containers) != 1 ||
		pod.Spec.Containers[0].Image != "ghcr.io/nhctl/bookshop-storefront:v0.1.0" {
		t.Errorf("%+v", pod.Spec)
	}
	all, err := shared.typed.DiscoveryV1().EndpointSlices(c.ns).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all.Items {
		for _, e := range s.Endpoints {
			if e.TargetRef != nil && e.TargetRef.Name == pod.Name {
				t.Errorf("it is an endpoint of %s", s.Name)
			}
		}
	}
	status := c.must("", "status")
	if !strings.Contains(status, "tunnel as deployment/storefront") || !strings.Contains(status, " up, ") {
		t.Error(status)
	}
}

// environment is compared variable by variable.
func (c companions) environment(t *testing.T) {
	var container []string
	for name, value := range c.inPod(t, c.pod, environment) {
		container = append(container, name+"="+value)
	}
	want := podenv.Of(container).Set
	for name, value := range map[string]string{
		"COLOR": "blue", "PASSWORD": `s3cret '"$HOME`, "SHOP_API_KEY": "a=b c", "CURRENCY": "EUR",
		"NAMESPACE": c.ns, "ADDRESS": c.ns + ".svc", "MEMORY": strconv.Itoa(128 << 20),
	} {
		if want[name] != value {
			t.Errorf("the pod has %s=%q", name, want[name])
		}
	}
	if want["CATALOG_SERVICE_HOST"] == "" {
		t.Error("the pod has no variables of Services")
	}
	got := decoded(t, c.as(t, "node", "-e", environment))
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, in the pod %q", name, got[name], value)
		}
	}
	if got["HOME"] != c.home || got["USER"] != c.name {
		t.Errorf("home %s, user %s", got["HOME"], got["USER"])
	}
	for name := range got {
		if name == contract.EnvConfig {
			t.Error("the agent's own settings are there")
		}
	}
	own := filepath.Join(c.home, "own.env")
	if err := os.WriteFile(own, []byte("COLOR=green\nHOME=/mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := c.must("", "run", "--workload", "storefront", "--env-file", own, "--unset", "CURRENCY", "--",
		"sh", "-c", `echo "$COLOR $HOME ${CURRENCY-none}"`)
	if out != "green /mine none\n" {
		t.Errorf("%q", out)
	}
}

// files are compared entry by entry.
func (c companions) files(t *testing.T) {
	want := c.inPod(t, c.pod, listing, filePaths()...)
	got := decoded(t, c.as(t, append([]string{"node", "-e", listing}, filePaths()...)...))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-pod +command\n%s", diff)
	}
	for path, text := range map[string]string{
		"/etc/storefront/color":                 "link to ..data/color",
		"/etc/storefront/..VERSION/with-lines":  "644 a\n b\n",
		"/var/run/keys/..VERSION/password":      `440 s3cret '"$HOME`,
		"/nhctl-storefront/all/..VERSION/key":   "644 a=b c",
		"/nhctl-storefront/color.conf":          "644 blue",
		"/nhctl-storefront/all/..VERSION/token": "644 token",
	} {
		if _, there := got[path]; !there || path != "/nhctl-storefront/all/..VERSION/token" && got[path] != text {
			t.Errorf("%s: %q, want %q", path, got[path], text)
		}
	}
	script := `cat /etc/storefront/color; ls /etc/hosts /usr > /dev/null &&
touch /etc/storefront/mine 2> /dev/null || echo no`
	if out := c.as(t, "sh", "-c", script); out != "blueno\n" {
		t.Errorf("%q", out)
	}
	without := c.must("", "run", "--workload", "storefront", "--no-files=/etc/storefront", "--", "sh", "-c",
		`ls -d /etc/storefront /var/run/keys 2> /dev/null || true`)
	if without != "/var/run/keys\n" {
		t.Errorf("%q", without)
	}
	none := c.must("", "run", "--workload", "storefront", "--no-files", "--", "sh", "-c",
		`ls -d /etc/storefront /var/run/keys 2> /dev/null || echo none`)
	if none != "none\n" {
		t.Errorf("%q", none)
	}
}

// answers are those of the pod, by the same program, which runs from its sources here.
func (c companions) answers(t *testing.T) {
	want, err := shared.get(t.Context(), c.ns, "storefront", "/")
	if err != nil || !strings.Contains(want, "Welcome to the bookshop") {
		t.Fatalf("%v: %s", err, want)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(free.Addr().(*net.TCPAddr).Port)
	free.Close()
	main := filepath.Join(c.sources("examples/bookshop/storefront"), "main.js")
	text := strings.ReplaceAll(read(t, main), "8080", port)
	if err := os.WriteFile(main, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	script := `node "$0" > /dev/null & until curl -sf -o /dev/null "http://localhost:$1/healthz"; do sleep 0.1; done
curl -s "http://localhost:$1/"; kill $!`
	if got := c.as(t, "sh", "-c", script, main, port); got != want {
		t.Errorf("%s, in the pod %s", got, want)
	}
}

// token is one by which the API server knows the workload.
func (c companions) token(t *testing.T) {
	const dir = "/var/run/secrets/kubernetes.io/serviceaccount/"
	const who = `curl -sS --cacert ` + dir + `ca.crt -H "Authorization: Bearer $(cat ` + dir + `token)" \
  -H 'Content-Type: application/json' -d '{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}' \
  "https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/apis/authentication.k8s.io/v1/selfsubjectreviews"`
	if out := c.as(t, "sh", "-c", who); !strings.Contains(out, "system:serviceaccount:"+c.ns+":storefront") {
		t.Error(out)
	}
}

// printEnv prints the same variables for other launchers.
func (c companions) printEnv(t *testing.T) {
	printed := func(format string, args ...string) string {
		return c.must("", append([]string{"run", "--workload", "storefront", "--print-env", format}, args...)...)
	}
	want := decoded(t, printed("json"))
	if want["PASSWORD"] != `s3cret '"$HOME` || want["HOME"] != "" {
		t.Errorf("%q, %q", want["PASSWORD"], want["HOME"])
	}
	got := map[string]string{}
	for line := range strings.Lines(printed("docker")) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		got[name] = value
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docker: %s", diff)
	}
	out, err := exec.Command("sh", "-c", `eval "$1"; printf %s "$PASSWORD"`, "sh", printed("sh")).Output()
	if err != nil || string(out) != want["PASSWORD"] {
		t.Errorf("sh: %v: %q", err, out)
	}
	lines := filepath.Join(c.home, "lines.env")
	if err := os.WriteFile(lines, []byte("LINES=\"a\\nsecond\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := c.nhctl("", "run", "--workload", "storefront", "--print-env", "docker", "--env-file", lines)
	if r.code == 0 || !strings.Contains(r.stderr, "LINES") || strings.Contains(r.stdout+r.stderr, "second") {
		t.Error(r)
	}
}

// toPod reaches what listens on the pod's own loopback: here that is the agent alone.
func (c companions) toPod(t *testing.T) {
	var agent contract.Agent
	for _, e := range c.companionPod(t).Spec.Containers[0].Env {
		if e.Name == contract.EnvConfig {
			if err := json.Unmarshal([]byte(e.Value), &agent); err != nil {
				t.Fatal(err)
			}
		}
	}
	port := strconv.Itoa(agent.Port)
	curl := []string{"curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://localhost:" + port}
	out := c.must("", append([]string{"run", "--workload", "storefront", "--to-pod", port, "--"}, curl...)...)
	if len(out) != 3 || out == "000" {
		t.Errorf("%q", out)
	}
	if r := c.nhctl("", append([]string{"run", "--workload", "storefront", "--"}, curl...)...); r.code == 0 {
		t.Errorf("without --to-pod: %s", r)
	}
}

// enter has a second command where a first one is.
func (c companions) enter(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), c.limit)
	defer cancel()
	cmd := c.command(ctx, "", "run", "--workload", "storefront", "--", "sh", "-c", "echo $$; exec sleep 1000")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal(lines.Err())
	}
	const script = "cat /etc/storefront/color; curl -sS http://catalog/books"
	got := c.must("", "run", "--enter", lines.Text(), "--", "sh", "-c", script)
	if !strings.HasPrefix(got, "blue") || !strings.Contains(got, "Welcome to the bookshop") {
		t.Error(got)
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
}

// refused is what can't be had, each with what to do.
func (c companions) refused(t *testing.T) {
	for _, tt := range []struct {
		args []string
		says string
	}{
		{[]string{"--workload", "nothing", "--", "true"}, `has no deployment "nothing"`},
		{[]string{"--workload", "storefront", "-c", "other", "--", "true"}, "you are connected with container"},
		{[]string{"--print-env", "sh"}, "--workload WORKLOAD"},
		{[]string{"--workload", "storefront", "--print-env", "yaml"}, "want sh, docker, json"},
	} {
		r := c.nhctl("", append([]string{"run"}, tt.args...)...)
		if r.code == 0 || !strings.Contains(r.stderr, tt.says) {
			t.Errorf("nhctl run %s: %s", strings.Join(tt.args, " "), r)
		}
	}
}

// broken is a pod that can't start: the way out is the plain gateway.
func (c companions) broken(t *testing.T) {
	broken := `{"spec":{"template":{"spec":{"containers":[{"name":"catalog",
		"envFrom":[{"configMapRef":{"name":"no-such-map"}}]}]}}}}`
	shared.patchDeployment(t, c.ns, "catalog", broken)
	r := c.nhctl("", "run", "--workload", "catalog", "--", "true")
	if r.code == 0 || !strings.Contains(r.stderr, "no-such-map") || !strings.Contains(r.stderr, "without --workload") {
		t.Errorf("a pod that can't start: %s", r)
	}
}

// disconnected ends the tunnel of the workload alone.
func (c companions) disconnected(t *testing.T) {
	c.must("", "run", "--", "true")
	if all := query[[]rpc.Session](c.developer, "", "status"); len(all) != 2 {
		t.Errorf("%+v", all)
	}
	c.must("", "disconnect", "--workload", "deploy/storefront")
	if got := c.tunnelOf(); got.Workload != "" {
		t.Errorf("%+v", got)
	}
	c.must("", "disconnect")
}

// edit changes a ConfigMap: a command that runs sees it as soon as its pod does.
func (c companions) edit(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), c.limit)
	defer cancel()
	script := `while :; do
now=$(cat /etc/storefront/color); [ "$now" = "$last" ] || echo "$now"; last=$now; sleep 0.1
done`
	cmd := c.command(ctx, "", "run", "--workload", "storefront", "--", "sh", "-c", script)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "blue" {
		t.Fatalf("%q, %v", lines.Text(), lines.Err())
	}
	seen := make(chan time.Time, 1)
	go func() {
		if lines.Scan() && lines.Text() == "red" {
			seen <- time.Now()
		}
	}()
	edited := []byte(`{"data":{"color":"red"}}`)
	if _, err := shared.typed.CoreV1().ConfigMaps(c.ns).Patch(t.Context(), "storefront", types.MergePatchType, edited,
		metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	pod := c.companionPod(t).Name
	var inPod time.Time
	eventually(t, 3*time.Minute, "the kubelet has the change", func(ctx context.Context) error {
		// A pod that changes is looked at by its kubelet at once; it would do so within a minute or two.
		touched := fmt.Appendf(nil, `{"metadata":{"annotations":{"nhctl-test":"%d"}}}`, time.Now().UnixNano())
		if _, err := shared.typed.CoreV1().Pods(c.ns).Patch(ctx, pod, types.MergePatchType, touched,
			metav1.PatchOptions{}); err != nil {
			return err
		}
		color := `console.log(JSON.stringify({color: require('fs').readFileSync('/etc/storefront/color', 'utf8')}))`
		if c.inPod(t, pod, color)["color"] != "red" {
			return errors.New("it is as before")
		}
		inPod = time.Now()
		return nil
	})
	select {
	case at := <-seen:
		t.Logf("the command has seen the change %s after it was seen in the pod", at.Sub(inPod).Round(time.Millisecond))
		if at.Sub(inPod) > 2*time.Second {
			t.Error("that is too late")
		}
	case <-time.After(time.Minute):
		t.Error("the command does not see the change")
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
}
