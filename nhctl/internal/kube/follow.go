package kube

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"

	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

const (
	// PollInterval is how often objects are listed that may not be watched, or may not be listed: permissions change.
	PollInterval = 30 * time.Second
	// firstPause and PollInterval limit the pause after a failure.
	firstPause = time.Second
)

// Selection names the objects of a resource: those of a namespace, or of the whole cluster, that have some labels.
type Selection struct {
	Resource  schema.GroupVersionResource
	Namespace string // empty means the whole cluster, or that the resource has no namespaces
	Labels    string // a label selector
	// Managers keeps who manages which field, which is half of an object, of those that no other object controls.
	Managers bool
}

// Objects are the objects of a selection as they are in the cluster, kept so by Follow.
type Objects struct {
	changed func()

	mu     sync.Mutex
	state  ObjectsState
	byName map[string]*unstructured.Unstructured // by namespace and name
}

// ObjectsState says how far Objects can be relied on.
type ObjectsState struct {
	// Listed says that all objects were there once.
	Listed bool
	// Polled says why they are listed now and then instead of watched; nil where they are watched.
	Polled *problem.Error
	// Failed says why they may not be those of this moment; nil means that they are.
	Failed *problem.Error
}

// NewObjects returns no objects yet. changed is called after each change, from Follow's goroutine.
func NewObjects(changed func()) *Objects {
	return &Objects{changed: changed, byName: map[string]*unstructured.Unstructured{}}
}

// List returns the objects, in no order. They are shared: no one changes them.
func (o *Objects) List() ([]*unstructured.Unstructured, ObjectsState) {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make([]*unstructured.Unstructured, 0, len(o.byName))
	for _, object := range o.byName {
		all = append(all, object)
	}
	return all, o.state
}

// edit changes the objects.
func (o *Objects) edit(change func()) {
	o.mu.Lock()
	change()
	o.mu.Unlock()
	o.changed()
}

func objectKey(object *unstructured.Unstructured) string {
	return object.GetNamespace() + "/" + object.GetName()
}

func (f *following) put(object *unstructured.Unstructured) {
	o := f.objects
	if !f.managers || metav1.GetControllerOf(object) != nil {
		object.SetManagedFields(nil)
	}
	o.byName[objectKey(object)] = object
}

// Follow keeps objects up to date until ctx ends: by a watch, or where the caller may not watch them, by a listing
// every PollInterval.
func (c *Client) Follow(ctx context.Context, s Selection, o *Objects) {
	f := &following{
		client:   c,
		objects:  o,
		resource: c.Dynamic.Resource(s.Resource).Namespace(s.Namespace),
		labels:   s.Labels,
		managers: s.Managers,
		pause:    firstPause,
	}
	for ctx.Err() == nil {
		_ = delay.For(ctx, f.round(ctx))
	}
}

// following is one Follow.
type following struct {
	client   *Client
	objects  *Objects
	resource dynamic.ResourceInterface
	labels   string
	managers bool
	pause    time.Duration // after the next failure
}

// round lists the objects and watches them for as long as that works. It returns how long to wait before the next.
func (f *following) round(ctx context.Context) time.Duration {
	list, err := f.resource.List(ctx, metav1.ListOptions{LabelSelector: f.labels})
	if err != nil {
		return f.failed(ctx, err)
	}
	f.objects.edit(func() {
		clear(f.objects.byName)
		for i := range list.Items {
			f.put(&list.Items[i])
		}
		f.objects.state.Listed, f.objects.state.Failed = true, nil
	})
	err = f.watch(ctx, list.GetResourceVersion())
	switch {
	case ctx.Err() != nil:
		return 0
	case err == nil:
		return f.backOff()
	case apierrors.IsForbidden(err), apierrors.IsMethodNotSupported(err):
		polled := problem.From(f.client.Explain(err))
		f.objects.edit(func() { f.objects.state.Polled = polled })
		return PollInterval
	case apierrors.IsResourceExpired(err), apierrors.IsGone(err):
		return 0 // too much has happened in the meantime: the next listing has it
	}
	return f.failed(ctx, err)
}

// failed notes a failure, and returns how long to wait after it.
func (f *following) failed(ctx context.Context, err error) time.Duration {
	if ctx.Err() != nil {
		return 0
	}
	failed := problem.From(f.client.Explain(err))
	f.objects.edit(func() { f.objects.state.Failed = failed })
	if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
		return PollInterval
	}
	return f.backOff()
}

// backOff is the pause after a failure, longer each time until something works.
func (f *following) backOff() time.Duration {
	pause := f.pause/2 + rand.N(f.pause/2)
	f.pause = min(2*f.pause, PollInterval)
	return pause
}

// watch notes what happens after a version, until a watch fails, or ends at once, as client-go's do where the server
// can't be reached. API servers end watches after a while; the next one goes on where it ended.
func (f *following) watch(ctx context.Context, version string) error {
	for ctx.Err() == nil {
		begun, from := time.Now(), version
		w, err := f.resource.Watch(ctx, metav1.ListOptions{
			LabelSelector:       f.labels,
			ResourceVersion:     version,
			AllowWatchBookmarks: true,
		})
		if err != nil {
			return err
		}
		f.objects.edit(func() { f.objects.state.Polled = nil })
		version, err = f.receive(w, version)
		w.Stop()
		if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
			return err
		}
		// Any other error of a watch that stood is a lost connection; what comes next tells whether it is more.
		if time.Since(begun) < firstPause && version == from {
			return nil
		}
	}
	return ctx.Err()
}

// receive notes what a watch says until it ends, and returns the version that it came to.
func (f *following) receive(w watch.Interface, version string) (string, error) {
	for e := range w.ResultChan() {
		object, ok := e.Object.(*unstructured.Unstructured)
		if e.Type == watch.Error || !ok {
			return version, apierrors.FromObject(e.Object)
		}
		version, f.pause = object.GetResourceVersion(), firstPause
		switch e.Type {
		case watch.Added, watch.Modified:
			f.objects.edit(func() { f.put(object) })
		case watch.Deleted:
			f.objects.edit(func() { delete(f.objects.byName, objectKey(object)) })
		}
	}
	return version, nil
}
