package support

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// labelled are the resources of which a session's objects are looked for by their label, next to those of workloads.
var labelled = []schema.GroupVersionResource{
	{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"},
	{Version: "v1", Resource: "persistentvolumeclaims"},
}

// around are the resources of which a session's namespace is shown whole: a problem with traffic is seen in them.
var around = []schema.GroupVersionResource{
	{Version: "v1", Resource: "services"},
	{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"},
}

// cluster collects what the cluster has of a session.
func (b *bundle) cluster(ctx context.Context, s Source, session rpc.Session) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	what := fmt.Sprintf("session %s (%s in namespace %s)", session.ID, session.Workload, session.Namespace)
	c, err := s.Cluster(session)
	if err != nil {
		b.failed(what, err)
		return
	}
	var all []*unstructured.Unstructured
	note := func(resource string, err error) {
		if err != nil && !apierrors.IsNotFound(err) {
			b.failed(what+": "+resource, c.Explain(err))
		}
	}
	list := func(r schema.GroupVersionResource, o metav1.ListOptions) {
		found, err := c.Dynamic.Resource(r).Namespace(c.Namespace).List(ctx, o)
		note(r.Resource, err)
		if err == nil {
			for i := range found.Items {
				all = append(all, &found.Items[i])
			}
		}
	}
	for _, r := range append(resources(), labelled...) {
		list(r, metav1.ListOptions{LabelSelector: contract.LabelSession + "=" + session.ID})
	}
	if ref, err := workload.ParseRef(session.Workload); err == nil {
		original, err := c.Dynamic.Resource(ref.Kind.Resource()).Namespace(c.Namespace).Get(ctx, ref.Name,
			metav1.GetOptions{})
		note(session.Workload, err)
		if err == nil && !contains(all, original.GetUID()) {
			all = append(all, original)
		}
	}
	for _, r := range around {
		list(r, metav1.ListOptions{})
	}
	events, err := events(ctx, c, all)
	note("events", err)
	b.objects(session, append(all, events...))
	if session.Pod != "" {
		text, err := sidecarLog(ctx, c, session.Pod)
		note("log of its sidecar", err)
		b.add(nameOf(session)+".log", "the log of its sidecar", Text(text))
	}
}

// resources are those of workloads.
func resources() (all []schema.GroupVersionResource) {
	for _, kind := range workload.Kinds() {
		all = append(all, kind.Resource())
	}
	return all
}

func contains(all []*unstructured.Unstructured, uid types.UID) bool {
	return slices.ContainsFunc(all, func(o *unstructured.Unstructured) bool { return o.GetUID() == uid })
}

// events are those about some objects.
func events(
	ctx context.Context, c *kube.Client, about []*unstructured.Unstructured,
) (all []*unstructured.Unstructured, err error) {
	list, err := c.Dynamic.Resource(schema.GroupVersionResource{Version: "v1", Resource: "events"}).
		Namespace(c.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for i := range list.Items {
		uid, _, _ := unstructured.NestedString(list.Items[i].Object, "involvedObject", "uid")
		if contains(about, types.UID(uid)) {
			all = append(all, &list.Items[i])
		}
	}
	return all, nil
}

// objects adds a session's objects, one document each.
func (b *bundle) objects(session rpc.Session, all []*unstructured.Unstructured) {
	var text bytes.Buffer
	for _, o := range all {
		document, err := yaml.Marshal(Object(o).Object)
		if err != nil {
			b.failed(o.GetKind()+" "+o.GetName(), err)
			continue
		}
		text.WriteString("---\n")
		text.Write(document)
	}
	about := fmt.Sprintf("the %d objects of session %s, and its namespace's Services", len(all), session.ID)
	b.add(nameOf(session)+".yaml", about, text.Bytes())
}

// nameOf is the beginning of the names of a session's files.
func nameOf(session rpc.Session) string {
	return "cluster/" + strings.NewReplacer("/", "-", `\`, "-", ":", "-").Replace(session.Namespace+"-"+session.ID)
}

// sidecarLog is the end of what the sidecar of a pod has printed.
func sidecarLog(ctx context.Context, c *kube.Client, pod string) ([]byte, error) {
	return c.API.CoreV1().Pods(c.Namespace).GetLogs(pod, &corev1.PodLogOptions{
		Container:  contract.SidecarContainer,
		TailLines:  new(int64(2000)),
		LimitBytes: new(int64(maxLog)),
	}).DoRaw(ctx)
}
