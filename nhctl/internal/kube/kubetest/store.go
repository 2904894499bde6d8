package kubetest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apimachinery/pkg/watch"
)

// key names an object.
type key struct {
	schema.GroupResource
	namespace, name string
}

// change is an entry of the store's history, which watches read.
type change struct {
	revision int64
	event    watch.EventType
	kind     Kind
	// before is nil for what was added, object is the last state of what was deleted.
	before, object *unstructured.Unstructured
}

// decoded is an object of a certain state as its type has it, to be copied.
type decoded struct {
	state *unstructured.Unstructured
	value runtime.Object
}

// store has the objects of a cluster and their history. Its Cluster's lock guards it.
type store struct {
	now      func() time.Time
	kinds    []Kind
	revision int64
	objects  map[key]*unstructured.Unstructured
	// typed are objects as their types have them: decoding them for each look takes most of a test's time.
	typed   map[key]decoded
	history []change
	// admit asks the admission policies about a pod that a controller makes.
	admit func(*unstructured.Unstructured) error
	// lingers says whether an object that is deleted ends later, as a pod does whose processes are given time.
	lingers func(*unstructured.Unstructured) bool
}

func (s *store) kind(group, resource string) (Kind, bool) {
	i := slices.IndexFunc(s.kinds, func(k Kind) bool { return k.Group == group && k.Resource == resource })
	if i < 0 {
		return Kind{}, false
	}
	return s.kinds[i], true
}

// kindOf finds an object's kind by what it says of itself.
func (s *store) kindOf(gvk schema.GroupVersionKind) (Kind, bool) {
	i := slices.IndexFunc(s.kinds, func(k Kind) bool { return k.GroupVersionKind == gvk })
	if i < 0 {
		return Kind{}, false
	}
	return s.kinds[i], true
}

func (k Kind) key(namespace, name string) key { return key{k.groupResource(), namespace, name} }

func (s *store) get(k Kind, namespace, name string) (*unstructured.Unstructured, error) {
	if o := s.objects[k.key(namespace, name)]; o != nil {
		return o.DeepCopy(), nil
	}
	return nil, apierrors.NewNotFound(k.groupResource(), name)
}

// list returns the objects of a kind by namespace and name, those of every namespace where it is empty.
func (s *store) list(k Kind, namespace string) []*unstructured.Unstructured {
	all := s.look(k, namespace)
	for i := range all {
		all[i] = all[i].DeepCopy()
	}
	return all
}

// look is list for those who only read.
func (s *store) look(k Kind, namespace string) []*unstructured.Unstructured {
	var keys []key
	for key := range s.objects {
		if key.GroupResource == k.groupResource() && (namespace == "" || key.namespace == namespace) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(strings.Compare(a.namespace, b.namespace), strings.Compare(a.name, b.name))
	})
	var all []*unstructured.Unstructured
	for _, key := range keys {
		all = append(all, s.objects[key])
	}
	return all
}

// create stores a new object, or only returns what would be stored. A status is kept.
func (s *store) create(
	k Kind, namespace string, o *unstructured.Unstructured, dry bool,
) (*unstructured.Unstructured, error) {
	o = o.DeepCopy()
	if k.Global {
		namespace = ""
	}
	if named := o.GetNamespace(); named != "" && named != namespace {
		return nil, apierrors.NewBadRequest("the namespace of the object does not match the namespace of the request")
	}
	if _, found := s.objects[key{schema.GroupResource{Resource: "namespaces"}, "", namespace}]; !found && !k.Global {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, namespace)
	}
	if err := k.normalise(o); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	o.SetNamespace(namespace)
	if o.GetName() == "" && o.GetGenerateName() != "" {
		const random = 5
		o.SetName(o.GetGenerateName() + rand.String(random))
	}
	if o.GetName() == "" {
		return nil, apierrors.NewBadRequest("name or generateName is required")
	}
	if s.objects[k.key(namespace, o.GetName())] != nil {
		return nil, apierrors.NewAlreadyExists(k.groupResource(), o.GetName())
	}
	o.SetUID(uuid.NewUUID())
	o.SetCreationTimestamp(metav1.NewTime(s.now()))
	o.SetDeletionTimestamp(nil)
	o.SetGeneration(1)
	o.SetResourceVersion("")
	if dry {
		return o, nil
	}
	return s.put(k, nil, o), nil
}

// update replaces an object, or its status alone, or all but its status.
func (s *store) update(
	k Kind, o *unstructured.Unstructured, subresource string, dry bool,
) (*unstructured.Unstructured, error) {
	old, err := s.get(k, o.GetNamespace(), o.GetName())
	if err != nil {
		return nil, err
	}
	if o.GetResourceVersion() != "" && o.GetResourceVersion() != old.GetResourceVersion() {
		const why = "the object has been modified; please apply your changes to the latest version and try again"
		return nil, conflict(k, o.GetName(), why)
	}
	if o.GetUID() != "" && o.GetUID() != old.GetUID() {
		return nil, failed(k, o.GetName(), "UID", o.GetUID(), old.GetUID())
	}
	next := o.DeepCopy()
	if err := k.normalise(next); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	switch subresource {
	case "status":
		status := next.Object["status"]
		next = old.DeepCopy()
		next.Object["status"] = status
	case "":
		if status, found := old.Object["status"]; found {
			next.Object["status"] = status
		} else {
			delete(next.Object, "status")
		}
	}
	next.SetUID(old.GetUID())
	next.SetCreationTimestamp(old.GetCreationTimestamp())
	next.SetDeletionTimestamp(old.GetDeletionTimestamp())
	next.SetGeneration(old.GetGeneration())
	next.SetResourceVersion(old.GetResourceVersion())
	if !reflect.DeepEqual(old.Object["spec"], next.Object["spec"]) {
		next.SetGeneration(old.GetGeneration() + 1)
	}
	if dry || reflect.DeepEqual(old.Object, next.Object) { // a change that changes nothing is none
		return next, nil
	}
	next = s.put(k, old, next)
	if isSet(next.GetDeletionTimestamp()) && len(next.GetFinalizers()) == 0 && len(old.GetFinalizers()) > 0 {
		s.remove(k, next)
	}
	return next, nil
}

// put stores an object under a new revision.
func (s *store) put(k Kind, old, o *unstructured.Unstructured) *unstructured.Unstructured {
	s.revision++
	o.SetResourceVersion(strconv.FormatInt(s.revision, 10))
	event := watch.Modified
	if old == nil {
		event = watch.Added
	}
	s.objects[k.key(o.GetNamespace(), o.GetName())] = o
	s.history = append(s.history, change{s.revision, event, k, old, o.DeepCopy()})
	return o.DeepCopy()
}

// delete removes an object, or marks it where something has to happen before.
func (s *store) delete(
	k Kind, namespace, name string, options metav1.DeleteOptions,
) (*unstructured.Unstructured, error) {
	o, err := s.get(k, namespace, name)
	if err != nil {
		return nil, err
	}
	if p := options.Preconditions; p != nil {
		if p.UID != nil && *p.UID != o.GetUID() {
			return nil, failed(k, name, "UID", *p.UID, o.GetUID())
		}
		if p.ResourceVersion != nil && *p.ResourceVersion != o.GetResourceVersion() {
			return nil, failed(k, name, "ResourceVersion", *p.ResourceVersion, o.GetResourceVersion())
		}
	}
	if len(options.DryRun) > 0 || isSet(o.GetDeletionTimestamp()) {
		return o, nil
	}
	if options.PropagationPolicy != nil && *options.PropagationPolicy == metav1.DeletePropagationOrphan {
		s.orphan(o)
	}
	if len(o.GetFinalizers()) > 0 || s.lingers != nil && s.lingers(o) {
		old, now := o.DeepCopy(), metav1.NewTime(s.now())
		o.SetDeletionTimestamp(&now)
		return s.put(k, old, o), nil
	}
	s.remove(k, o)
	return o, nil
}

// remove drops an object, and with a namespace all that is in it.
func (s *store) remove(k Kind, o *unstructured.Unstructured) {
	if k.Resource == "namespaces" {
		for _, key := range slices.Collect(maps.Keys(s.objects)) {
			if inner, found := s.kind(key.Group, key.Resource); found && key.namespace == o.GetName() {
				s.remove(inner, s.objects[key])
			}
		}
	}
	s.revision++
	delete(s.objects, k.key(o.GetNamespace(), o.GetName()))
	delete(s.typed, k.key(o.GetNamespace(), o.GetName()))
	last := o.DeepCopy()
	last.SetResourceVersion(strconv.FormatInt(s.revision, 10))
	s.history = append(s.history, change{s.revision, watch.Deleted, k, o.DeepCopy(), last})
}

// orphan lets the dependents of an object live on without it.
func (s *store) orphan(owner *unstructured.Unstructured) {
	for _, k := range s.kinds {
		for _, o := range s.list(k, owner.GetNamespace()) {
			owners := o.GetOwnerReferences()
			left := slices.DeleteFunc(slices.Clone(owners), func(r metav1.OwnerReference) bool {
				return r.UID == owner.GetUID()
			})
			if len(left) < len(owners) {
				old := o.DeepCopy()
				o.SetOwnerReferences(left)
				s.put(k, old, o)
			}
		}
	}
}

// collect deletes what has owners, and none of them is there any more.
func collect(s *store) {
	there := map[string]bool{}
	for _, o := range s.objects {
		there[string(o.GetUID())] = true
	}
	for _, k := range s.kinds {
		for _, o := range s.look(k, "") {
			owners := o.GetOwnerReferences()
			owned := slices.ContainsFunc(owners, func(r metav1.OwnerReference) bool { return there[string(r.UID)] })
			if len(owners) > 0 && !owned {
				_, _ = s.delete(k, o.GetNamespace(), o.GetName(), metav1.DeleteOptions{}) // it was listed a moment ago
			}
		}
	}
}

// failed is the answer where a precondition does not hold.
func failed(k Kind, name, what string, wanted, is any) error {
	const text = "Precondition failed: %[1]s in precondition: %[2]v, %[1]s in object meta: %[3]v"
	return conflict(k, name, fmt.Sprintf(text, what, wanted, is))
}

func conflict(k Kind, name, why string) error {
	return apierrors.NewConflict(k.groupResource(), name, errors.New(why))
}
