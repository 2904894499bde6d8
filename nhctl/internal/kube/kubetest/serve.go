package kubetest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/version"
)

// ServeHTTP answers as an API server does.
func (c *Cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", c.now().UTC().Format(http.TimeFormat))
	q, err := parse(r)
	if err != nil {
		respond(w, nil, apierrors.NewBadRequest(err.Error()))
		return
	}
	switch q.Subresource {
	case "portforward":
		c.forwardPorts(w, r, q)
		return
	case "exec":
		c.execute(w, r, q)
		return
	}
	c.announce(q)
	fault := c.meet(q)
	switch fault {
	case Refuse:
		respond(w, nil, apierrors.NewInternalError(errors.New("injected")))
		return
	case Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	if q.Verb == "watch" && fault == None {
		c.watch(w, q)
		return
	}
	answer, err := c.answer(q)
	if fault == Lose {
		panic(http.ErrAbortHandler) // the connection ends without an answer
	}
	respond(w, answer, err)
}

// raw is an answer that is no JSON.
type raw string

func respond(w http.ResponseWriter, answer any, err error) {
	if text, ok := answer.(raw); ok && err == nil {
		_, _ = io.WriteString(w, string(text))
		return
	}
	code := http.StatusOK
	if err != nil {
		var status apierrors.APIStatus
		if !errors.As(err, &status) {
			status = apierrors.NewInternalError(err)
		}
		failure := status.Status()
		failure.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
		answer, code = failure, int(failure.Code)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(answer) // the client may have gone
}

// answer does what a request asks for, and lets the controllers act before and after.
func (c *Cluster) answer(q Request) (any, error) {
	if q.Resource == "" {
		return c.discover(q)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if q.Verb == "create" && strings.HasPrefix(q.Resource, "selfsubject") {
		return c.review(q)
	}
	k, found := c.kind(q.Group, q.Resource)
	if !found || q.Version != k.Version {
		return nil, noSuchResource()
	}
	if err := c.authorize(q); err != nil {
		return nil, err
	}
	c.reconcile()
	defer c.reconcile()
	switch {
	case q.Subresource == "scale" && k.Scales:
		return c.scale(k, q)
	case q.Subresource == "log" && q.Resource == "pods":
		return c.log(k, q)
	case q.Subresource != "" && q.Subresource != "status":
		return nil, noSuchResource()
	}
	return c.serve(k, q)
}

// serve answers a request for objects of a kind. The lock is held.
func (c *Cluster) serve(k Kind, q Request) (any, error) {
	switch q.Verb {
	case "get":
		return answered(c.get(k, q.Namespace, q.Name))
	case "list":
		return c.listed(k, q)
	case "create":
		o, err := q.object()
		if err == nil {
			err = c.admit(q, o)
		}
		if err != nil {
			return nil, err
		}
		if !k.custom() {
			delete(o.Object, "status")
		}
		return answered(c.create(k, q.Namespace, o, q.DryRun))
	case "update":
		o, err := q.object()
		if err == nil {
			err = c.admit(q, o)
		}
		if err != nil {
			return nil, err
		}
		o.SetNamespace(q.Namespace)
		return answered(c.update(k, o, q.Subresource, q.DryRun))
	case "patch":
		return answered(c.patch(k, q))
	case "delete":
		return c.deleted(k, q)
	}
	return nil, apierrors.NewMethodNotSupported(k.groupResource(), q.Verb)
}

func answered(o *unstructured.Unstructured, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return o.Object, nil
}

func (q Request) object() (*unstructured.Unstructured, error) {
	o := &unstructured.Unstructured{}
	if err := decodeJSON(q.Body, &o.Object); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return o, nil
}

func (c *Cluster) deleted(k Kind, q Request) (any, error) {
	var options metav1.DeleteOptions
	if len(q.Body) > 0 {
		if err := json.Unmarshal(q.Body, &options); err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
	}
	if q.Name == "" {
		return nil, apierrors.NewMethodNotSupported(k.groupResource(), "deletecollection")
	}
	if _, err := c.delete(k, q.Namespace, q.Name, options); err != nil {
		return nil, err
	}
	return metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusSuccess}, nil
}

// selector says which objects of a kind a list or watch is about.
func (q Request) selector() (func(*unstructured.Unstructured) bool, error) {
	byLabel, err := labels.Parse(q.query.Get("labelSelector"))
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	byField, err := fields.ParseSelector(q.query.Get("fieldSelector"))
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return func(o *unstructured.Unstructured) bool {
		elsewhere := o == nil || q.Namespace != "" && o.GetNamespace() != q.Namespace
		if elsewhere || !byLabel.Matches(labels.Set(o.GetLabels())) {
			return false
		}
		set := fields.Set{}
		for _, r := range byField.Requirements() {
			set[r.Field], _, _ = unstructured.NestedString(o.Object, strings.Split(r.Field, ".")...)
		}
		return byField.Matches(set)
	}, nil
}

// listed is a page of objects. It goes on after the object that continue names.
func (c *Cluster) listed(k Kind, q Request) (any, error) {
	matches, err := q.selector()
	if err != nil {
		return nil, err
	}
	limit, _ := strconv.Atoi(q.query.Get("limit"))
	items, meta, last := []any{}, map[string]any{"resourceVersion": strconv.FormatInt(c.revision, 10)}, ""
	for _, o := range c.list(k, q.Namespace) {
		place := o.GetNamespace() + "/" + o.GetName()
		if !matches(o) || place <= q.query.Get("continue") {
			continue
		}
		if limit > 0 && len(items) == limit {
			meta["continue"] = last
			break
		}
		if !k.custom() { // the list's own kind says it
			delete(o.Object, "kind")
			delete(o.Object, "apiVersion")
		}
		items, last = append(items, o.Object), place
	}
	return map[string]any{
		"kind":       k.Kind + "List",
		"apiVersion": k.GroupVersion().String(),
		"metadata":   meta,
		"items":      items,
	}, nil
}

// discover answers what the server has.
func (c *Cluster) discover(q Request) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	path := strings.Trim(q.ctx.URL.Path, "/")
	switch path {
	case "version":
		return version.Info{Major: "1", Minor: "34", GitVersion: "v1.34.4", Platform: "linux/amd64"}, nil
	case "api":
		return metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}}, nil
	case "apis":
		return c.groups(), nil
	}
	list := metav1.APIResourceList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "APIResourceList"}}
	for _, k := range c.kinds {
		own := "apis/" + k.Group + "/" + k.Version
		if k.Group == "" {
			own = "api/" + k.Version
		}
		if path != own {
			continue
		}
		list.GroupVersion = k.GroupVersion().String()
		verbs := metav1.Verbs{"create", "delete", "get", "list", "patch", "update", "watch"}
		list.APIResources = append(list.APIResources, metav1.APIResource{
			Name:       k.Resource,
			Namespaced: !k.Global,
			Kind:       k.Kind,
			Verbs:      verbs,
		})
		if k.Scales {
			list.APIResources = append(list.APIResources, metav1.APIResource{
				Name:       k.Resource + "/scale",
				Namespaced: true,
				Group:      "autoscaling",
				Version:    "v1",
				Kind:       "Scale",
				Verbs:      metav1.Verbs{"get", "patch", "update"},
			})
		}
	}
	if len(list.APIResources) == 0 {
		return nil, noSuchResource()
	}
	return list, nil
}

func (c *Cluster) groups() metav1.APIGroupList {
	list := metav1.APIGroupList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "APIGroupList"}}
	for _, k := range c.kinds {
		listed := func(g metav1.APIGroup) bool { return g.Name == k.Group }
		if k.Group == "" || slices.ContainsFunc(list.Groups, listed) {
			continue
		}
		v := metav1.GroupVersionForDiscovery{GroupVersion: k.GroupVersion().String(), Version: k.Version}
		versions := []metav1.GroupVersionForDiscovery{v}
		list.Groups = append(list.Groups, metav1.APIGroup{Name: k.Group, Versions: versions, PreferredVersion: v})
	}
	return list
}

// noSuchResource is the answer to a path that no kind has.
func noSuchResource() error { return failure(http.StatusNotFound, "404 page not found") }
