// Package kubetest is a Kubernetes cluster in memory, for unit tests: an API server that the real kube.Client works
// with, and controllers that a test switches on. It has what nhctl's decisions depend on: resourceVersion conflicts,
// UID preconditions, all kinds of patches, dry runs, selectors, watches, owner references, namespaces with UIDs,
// permissions, admission policies, a clock of its own, and faults. It validates no objects, schedules no pods and runs
// no containers.
//
// A client reaches it without sockets, so that a whole test can live in a synctest bubble; Serve gives it an address
// for other programs. Controllers act within the request that gives them a reason to, so that a test that makes
// requests sees a settled cluster, and waits for nothing.
package kubetest

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
)

// Cluster is a cluster in memory.
type Cluster struct {
	// Ahead is how far its clock is ahead of the computer's. Set it before the first request.
	Ahead time.Duration
	// Dial connects to a port of a pod, Exec runs a command in it, Log is what a container has printed; nil means that
	// it fails.
	Dial func(ctx context.Context, pod *corev1.Pod, port int) (net.Conn, error)
	Exec func(ctx context.Context, pod *corev1.Pod, o kube.ExecOptions) error
	Log  func(pod, container string, previous bool) string

	host string

	// server is the cluster's address for clients with sockets, once one was asked for.
	serving sync.Once
	server  *httptest.Server

	mu sync.Mutex
	store
	controllers []Controller
	// changed is closed at the next change, and then replaced; told is the revision of the last one. Watches that begin
	// before compacted are too late.
	changed         chan struct{}
	told, compacted int64
	// ended is closed to end the watches that run, and then replaced.
	ended chan struct{}
	// settled is when the controllers were at work last: they have more to do when something changes, or time passes.
	settled   time.Time
	rules     map[string][]rbacv1.PolicyRule
	confined  map[string]string // users by the namespace that they are confined to
	forbidden [][3]string
	policies  []func(Request, *unstructured.Unstructured) error
	decide    func(Request) Fault
	before    func(Request)
}

// Controller brings the cluster closer to what its objects ask for.
type Controller struct {
	// act is called until it changes nothing any more.
	act func(*store)
	// timed says that it may have more to do where no object has changed.
	timed bool
}

// New is a cluster with a namespace for each of the names. The garbage collector is always at work.
func New(namespaces []string, controllers ...Controller) *Cluster {
	const random = 8
	c := &Cluster{
		host:        "cluster-" + rand.String(random) + ".test",
		controllers: append(controllers, Controller{act: collect}),
		changed:     make(chan struct{}),
		ended:       make(chan struct{}),
		rules:       map[string][]rbacv1.PolicyRule{},
		confined:    map[string]string{},
	}
	c.store = store{
		now:     c.now,
		kinds:   builtin(),
		objects: map[key]*unstructured.Unstructured{},
		typed:   map[key]decoded{},
		admit: func(pod *unstructured.Unstructured) error {
			return c.admit(Request{
				User:      Controllers,
				Verb:      "create",
				Version:   "v1",
				Resource:  "pods",
				Namespace: pod.GetNamespace(),
				Name:      pod.GetName(),
			}, pod)
		},
	}
	for _, name := range namespaces {
		c.Add(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	return c
}

// now is the time of the cluster's clock.
func (c *Cluster) now() time.Time { return time.Now().Add(c.Ahead).UTC() }

// Define adds a kind, as a definition of custom resources does.
func (c *Cluster) Define(kinds ...Kind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kinds = append(c.kinds, kinds...)
}

// reconcile has the controllers act until nothing changes, and tells the watches. The lock is held.
func (c *Cluster) reconcile() {
	const most = 100
	now := c.now()
	if c.revision == c.told && now.Equal(c.settled) {
		return
	}
	c.settled = now
	for _, k := range c.controllers {
		if k.timed {
			k.act(&c.store)
		}
	}
	if c.revision == c.told {
		return
	}
	for round, before := 0, int64(0); c.revision != before; round++ {
		if round == most {
			panic(fmt.Sprintf("kubetest: the controllers still change objects after %d rounds", most))
		}
		before = c.revision
		for _, k := range c.controllers {
			k.act(&c.store)
		}
	}
	c.told = c.revision
	close(c.changed)
	c.changed = make(chan struct{})
}

// Changed is closed at the next change of the cluster.
func (c *Cluster) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Compact forgets the history, as an API server does after a while: a watch from before it ends with an error.
func (c *Cluster) Compact() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.compacted, c.history = c.revision, nil
}

// CloseWatches ends the watches that run, as an API server does with each after a while.
func (c *Cluster) CloseWatches() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.ended)
	c.ended = make(chan struct{})
}

// Add creates objects, with their status, as an administrator.
func (c *Cluster) Add(objects ...runtime.Object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, typed := range objects {
		o, ok := typed.(*unstructured.Unstructured)
		if !ok {
			o = encode(typed)
		}
		k, found := c.kindOf(o.GroupVersionKind())
		if !found {
			panic(fmt.Sprintf("kubetest: no kind %s", o.GroupVersionKind()))
		}
		if _, err := c.create(k, o.GetNamespace(), o, false); err != nil {
			panic(fmt.Sprintf("kubetest: add %s %s: %v", o.GetKind(), o.GetName(), err))
		}
	}
	c.reconcile()
}

// Edit changes an object with its status, as an administrator, and says whether it is there.
func Edit[T any](c *Cluster, namespace, name string, change func(*T)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, o := find[T](c, namespace, name)
	if o == nil {
		return false
	}
	typed := decode[T](o)
	change(typed)
	next := encode(any(typed).(runtime.Object))
	if _, err := c.update(k, next, "all", false); err != nil {
		panic(fmt.Sprintf("kubetest: edit %s %s: %v", k.Kind, name, err))
	}
	c.reconcile()
	return true
}

// Get returns an object, or nil.
func Get[T any](c *Cluster, namespace, name string) *T {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reconcile()
	if _, o := find[T](c, namespace, name); o != nil {
		return decode[T](o)
	}
	return nil
}

// List returns all objects of a type in a namespace.
func List[T any](c *Cluster, namespace string) (all []T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reconcile()
	for _, o := range c.list(kindFor[T](c), namespace) {
		all = append(all, *decode[T](o))
	}
	return all
}

// Delete removes an object at once, as an administrator.
func Delete[T any](c *Cluster, namespace, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k, o := find[T](c, namespace, name); o != nil {
		c.remove(k, o)
	}
	c.reconcile()
}

// Unstructured returns an object of a custom kind, or nil.
func (c *Cluster) Unstructured(k Kind, namespace, name string) *unstructured.Unstructured {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reconcile()
	o, err := c.get(k, namespace, name)
	if err != nil {
		return nil
	}
	return o
}

// Replace puts an object of a custom kind in the place of the one that is there.
func (c *Cluster) Replace(k Kind, o *unstructured.Unstructured) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.update(k, o, "all", false); err != nil {
		panic(fmt.Sprintf("kubetest: replace %s %s: %v", k.Kind, o.GetName(), err))
	}
	c.reconcile()
}

// Remove removes an object of a custom kind at once.
func (c *Cluster) Remove(k Kind, namespace, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o, err := c.get(k, namespace, name); err == nil {
		c.remove(k, o)
	}
	c.reconcile()
}

func kindFor[T any](c *Cluster) Kind {
	o := encode(any(new(T)).(runtime.Object))
	k, found := c.kindOf(o.GroupVersionKind())
	if !found {
		panic(fmt.Sprintf("kubetest: no kind %T", new(T)))
	}
	return k
}

func find[T any](c *Cluster, namespace, name string) (Kind, *unstructured.Unstructured) {
	k := kindFor[T](c)
	o, err := c.get(k, namespace, name)
	if err != nil {
		return k, nil
	}
	return k, o
}

// Client is a client of a user, in a namespace, made from a kubeconfig. It needs no sockets.
func (c *Cluster) Client(t testing.TB, user, namespace string) *kube.Client {
	t.Helper()
	client, err := kube.New(kube.Options{Kubeconfig: c.Kubeconfig(t, user, namespace), Network: c})
	if err != nil {
		t.Fatal(err)
	}
	return client
}
