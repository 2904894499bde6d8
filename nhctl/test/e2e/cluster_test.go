//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// repository is the root of the source tree, as seen from this package.
const repository = "../../.."

// cluster is the cluster under test, seen as its administrator.
type cluster struct {
	config  *rest.Config
	typed   kubernetes.Interface
	dynamic dynamic.Interface
	mapper  meta.RESTMapper

	mu        sync.Mutex
	resources []schema.GroupVersionResource
}

func connect() (*cluster, error) {
	path := os.Getenv("NHCTL_TEST_KUBECONFIG")
	if path == "" {
		return nil, errors.New("NHCTL_TEST_KUBECONFIG is not set: run `make test`, which starts a playground")
	}
	return connectTo(path)
}

func connectTo(path string) (*cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 200, 400
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	dyn, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(typed.Discovery()))
	return &cluster{config: config, typed: typed, dynamic: dyn, mapper: mapper}, nil
}

// namespace makes a namespace for one test, under Pod Security "restricted", and removes it afterwards.
func (c *cluster) namespace(t *testing.T) string {
	t.Helper()
	ns, err := c.typed.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "e2e-",
		Labels:       map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		background := metav1.DeletePropagationBackground
		err := c.typed.CoreV1().Namespaces().Delete(context.Background(), ns.Name,
			metav1.DeleteOptions{PropagationPolicy: &background})
		if err != nil && !apierrors.IsNotFound(err) { // a test may have done so
			t.Errorf("remove namespace: %v", err)
		}
	})
	eventually(t, time.Minute, "the namespace has what Kubernetes gives to each", func(ctx context.Context) error {
		if _, err := c.typed.CoreV1().ServiceAccounts(ns.Name).Get(ctx, "default", metav1.GetOptions{}); err != nil {
			return err
		}
		_, err := c.typed.CoreV1().ConfigMaps(ns.Name).Get(ctx, "kube-root-ca.crt", metav1.GetOptions{})
		return err
	})
	return ns.Name
}

// apply creates the objects of manifest files in a namespace.
func (c *cluster) apply(t *testing.T, namespace string, files ...string) {
	t.Helper()
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c.create(t, namespace, data)
	}
}

// create creates the objects of a manifest in a namespace.
func (c *cluster) create(t *testing.T, namespace string, manifest []byte) {
	t.Helper()
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifest), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		if len(object.Object) == 0 {
			continue
		}
		gvk := object.GroupVersionKind()
		mapping, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.dynamic.Resource(mapping.Resource).Namespace(namespace).Create(t.Context(), object,
			metav1.CreateOptions{})
		if err != nil {
			t.Fatalf("create %s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
}

// user makes a user with the published Role and nothing else, and writes their kubeconfig.
func (c *cluster) user(t *testing.T, namespace, name string) (kubeconfig string) {
	t.Helper()
	ctx := t.Context()
	data, err := os.ReadFile(filepath.Join(repository, "nhctl/internal/kube/role.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	role := &rbacv1.Role{}
	if err := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096).Decode(role); err != nil {
		t.Fatal(err)
	}
	account := metav1.ObjectMeta{Name: name}
	role.ObjectMeta = account
	if _, err := c.typed.CoreV1().ServiceAccounts(namespace).Create(ctx, &corev1.ServiceAccount{ObjectMeta: account},
		metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.typed.RbacV1().Roles(namespace).Create(ctx, role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err = c.typed.RbacV1().RoleBindings(namespace).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: account,
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: name, Namespace: namespace}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.typed.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name, &authv1.TokenRequest{},
		metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: c.config.Host, CertificateAuthorityData: c.config.CAData,
		CertificateAuthority: c.config.CAFile}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: name, Namespace: namespace}
	config.CurrentContext = "test"
	kubeconfig = filepath.Join(t.TempDir(), "kube config") // a space, as people have them
	if err := clientcmd.WriteToFile(*config, kubeconfig); err != nil {
		t.Fatal(err)
	}
	return kubeconfig
}

// get asks a Service for a path, through the API server, as another pod would.
func (c *cluster) get(ctx context.Context, namespace, service, path string) (string, error) {
	body, err := c.typed.CoreV1().Services(namespace).ProxyGet("http", service, "http", path, nil).DoRaw(ctx)
	return string(body), err
}

// eventually waits until check returns nil, and fails the test with its last error when the limit comes first. Checks
// that run programs take from what they wait for, and from the other tests: it rests as long as the last one took.
func eventually(t *testing.T, limit time.Duration, what string, check func(context.Context) error) {
	t.Helper()
	end := time.Now().Add(limit)
	ctx, cancel := context.WithDeadline(t.Context(), end)
	defer cancel()
	const least, most = 100 * time.Millisecond, time.Second
	var last error
	for {
		begin := time.Now()
		err := check(ctx)
		if err == nil {
			return
		}
		if last == nil || ctx.Err() == nil && time.Now().Before(end) { // the limit's own error says nothing
			last = err
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within %s: %v", what, limit, last)
		case <-time.After(min(max(time.Since(begin), least), most)):
		}
	}
}

// gettingOn is eventually for what may take long, such as a compiler with a cold cache on a busy machine: it gives up
// when the check has said the same for the limit, or after ten times the limit.
func gettingOn(t *testing.T, limit time.Duration, what string, check func(context.Context) error) {
	t.Helper()
	tick := time.NewTicker(2 * time.Second) // the check takes from what it waits for
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 10*limit)
	defer cancel()
	last, since := "", time.Now()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		if said := err.Error(); said != last {
			last, since = said, time.Now()
		}
		if time.Since(since) > limit {
			t.Fatalf("%s: nothing has moved for %s: %s", what, limit, last)
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v: %s", what, ctx.Err(), last)
		case <-tick.C:
		}
	}
}

// deploymentReady waits until every replica of a Deployment is available.
func (c *cluster) deploymentReady(t *testing.T, namespace, name string) {
	t.Helper()
	eventually(t, 2*time.Minute, "deployment "+name+" ready", func(ctx context.Context) error {
		d, err := c.typed.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if d.Status.ObservedGeneration < d.Generation || d.Status.AvailableReplicas != *d.Spec.Replicas ||
			d.Status.Replicas != *d.Spec.Replicas {
			return fmt.Errorf("%d of %d available", d.Status.AvailableReplicas, *d.Spec.Replicas)
		}
		return nil
	})
}

func randomName(prefix string) string {
	b := make([]byte, 3)
	_, _ = rand.Read(b)
	return prefix + hex.EncodeToString(b)
}
