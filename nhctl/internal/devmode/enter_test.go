package devmode

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

var noon = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)

// original is the Deployment that is taken into dev mode.
func original() appsv1.Deployment {
	three := int32(3)
	return appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", UID: "original", Labels: map[string]string{"team": "front"}},
		Spec: appsv1.DeploymentSpec{
			Replicas: &three,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"},
				MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "stage", Operator: metav1.LabelSelectorOpExists}}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web", "stage": "test", "routed": "yes", "tier": "front"}},
				Spec: corev1.PodSpec{
					Containers: []corev1.Container{{Name: "app", Image: "web:1", Ports: []corev1.ContainerPort{{ContainerPort: 80}},
						VolumeMounts: []corev1.VolumeMount{{Name: "settings", MountPath: "/etc/web"}}}},
					Volumes: []corev1.Volume{{Name: "settings", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
						LocalObjectReference: corev1.LocalObjectReference{Name: "web"}}}}},
				},
			},
		},
	}
}

// cluster is an API server with that Deployment and a Service. What is created comes out of made.
func cluster(t *testing.T, more ...func(*http.ServeMux)) (c *kube.Client, made chan runtime.Object) {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := appsv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	decoder := serializer.NewCodecFactory(scheme).UniversalDeserializer()
	made = make(chan runtime.Object, 2)
	respond := func(w http.ResponseWriter, object any) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Date", noon.Format(http.TimeFormat))
		_ = json.NewEncoder(w).Encode(object)
	}
	create := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		object, _, err := decoder.Decode(body, nil, nil)
		if err != nil {
			t.Error(err)
			return
		}
		made <- object.DeepCopyObject()
		if d, ok := object.(*appsv1.Deployment); ok {
			d.UID = "twin"
		}
		respond(w, object)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /apis/apps/v1/namespaces/shop/deployments/web", func(w http.ResponseWriter, _ *http.Request) { respond(w, original()) })
	mux.HandleFunc("GET /api/v1/namespaces/shop/services", func(w http.ResponseWriter, _ *http.Request) {
		respond(w, corev1.ServiceList{Items: []corev1.Service{{Spec: corev1.ServiceSpec{Selector: map[string]string{"routed": "yes"}}}}})
	})
	for _, path := range []string{"/apis/keda.sh/v1alpha1/namespaces/shop/scaledobjects", "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			respond(w, map[string]any{"apiVersion": "v1", "kind": "List", "items": []any{}})
		})
	}
	for _, add := range more {
		add(mux)
	}
	if len(more) == 0 {
		mux.HandleFunc("GET /api/v1/namespaces/shop/limitranges", func(w http.ResponseWriter, _ *http.Request) { respond(w, corev1.LimitRangeList{}) })
	}
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) { respond(w, struct{}{}) })
	mux.HandleFunc("POST /apis/apps/v1/namespaces/shop/deployments", create)
	mux.HandleFunc("POST /api/v1/namespaces/shop/secrets", create)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, fmt.Appendf(nil, `{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: %q}}],
contexts: [{name: c, context: {cluster: c, namespace: shop}}]}`, server.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := kube.New(kube.Options{Kubeconfig: file})
	if err != nil {
		t.Fatal(err)
	}
	return c, made
}

func spec(mode rpc.Mode) Spec {
	return Spec{Workload: workload.Ref{Kind: workload.Deployment, Name: "web"}, Mode: mode, Dev: Dev{Image: "dev:1", WorkDir: "/src", Shell: "bash",
		Env:       []corev1.EnvVar{{Name: "DEBUG", Value: "1"}},
		Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}}},
		Folder: "/home/ada/web", SidecarImage: "sidecar:1", Holder: rpc.Holder{User: "ada", Local: "ada@laptop"}}
}

// What is planned: the record that everything is ended from, and the twin with all its parts.
func TestResolve(t *testing.T) {
	t.Parallel()
	for _, mode := range []rpc.Mode{rpc.Replace, rpc.Duplicate} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			c, _ := cluster(t)
			s := spec(mode)
			e := &entry{Deps: Deps{Cluster: c}, spec: s}
			if err := e.resolve(t.Context()); err != nil {
				t.Fatal(err)
			}
			id, port := e.record.Session, e.record.Port // drawn
			if len(id) != 8 || port < firstPort || port >= firstPort+ports || len(e.token) != 32 {
				t.Errorf("session %q, port %d, token of %d bytes", id, port, len(e.token))
			}
			want := Record{Version: record.Version, Session: id, Namespace: "shop", Place: record.Place{Server: c.Identity}, Workload: s.Workload, UID: "original", Replicas: 3, Mode: mode, Phase: record.Entering, Holder: s.Holder,
				Since: noon, Port: port, Container: "app", Image: "dev:1", WorkDir: "/src", Shell: "bash", Folder: s.Folder, Fingerprint: e.record.Fingerprint}
			if e.record.Fingerprint == "" {
				t.Error("no fingerprint of the template")
			}
			if diff := cmp.Diff(want, e.record); diff != "" {
				t.Errorf("record:\n%s", diff)
			}
			twin, err := workload.Twin(original().Spec.Template, workload.Settings{Name: want.Twin(), Namespace: "shop", Session: id, Duplicate: mode == rpc.Duplicate,
				SelectorKeys: []string{"routed", "app", "stage"}, Dev: workload.Dev{Container: "app", Image: "dev:1", WorkDir: "/src", Folders: []contract.Folder{{ID: id, MountPath: "/src"}}, Env: s.Env, Resources: s.Resources},
				SidecarImage: "sidecar:1", Port: port})
			if err != nil {
				t.Fatal(err)
			}
			known, err := json.Marshal(e.record)
			if err != nil {
				t.Fatal(err)
			}
			twin.Annotations = map[string]string{contract.AnnotationRecord: string(known)}
			if diff := cmp.Diff(twin, e.twin); diff != "" {
				t.Errorf("twin:\n%s", diff)
			}
			optional := true
			empty := corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
			volumes := append(original().Spec.Template.Spec.Volumes, corev1.Volume{Name: "nhctl-bin", VolumeSource: empty}, corev1.Volume{Name: "nhctl-run", VolumeSource: empty},
				corev1.Volume{Name: "nhctl-work", VolumeSource: empty},
				corev1.Volume{Name: "nhctl-token", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
					{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: want.Twin()},
						Items: []corev1.KeyToPath{{Key: "token", Path: "token"}}}},
					{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "nhctl-gates"},
						Items: []corev1.KeyToPath{{Key: id, Path: "ready"}}, Optional: &optional}},
				}}}})
			if diff := cmp.Diff(volumes, e.twin.Spec.Template.Spec.Volumes); diff != "" {
				t.Errorf("volumes:\n%s", diff)
			}
		})
	}
}

// The Secret is what the twin's volume names, holds what the sidecar reads, and goes with the twin.
func TestCreate(t *testing.T) {
	t.Parallel()
	c, made := cluster(t)
	e := &entry{Deps: Deps{Cluster: c}, spec: spec(rpc.Replace)}
	if err := e.resolve(t.Context()); err != nil {
		t.Fatal(err)
	}
	planned := e.twin.DeepCopy()
	if err := e.create(t.Context()); err != nil {
		t.Fatal(err)
	}
	planned.TypeMeta = metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}
	if diff := cmp.Diff(runtime.Object(planned), <-made); diff != "" {
		t.Errorf("twin:\n%s", diff)
	}
	yes := true
	secret := &corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Name: e.record.Twin(), Labels: map[string]string{contract.LabelSession: e.record.Session, contract.LabelRole: contract.RoleTwin},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: e.record.Twin(), UID: "twin", Controller: &yes}}},
		StringData: map[string]string{"token": hex.EncodeToString(e.token)},
	}
	if diff := cmp.Diff(runtime.Object(secret), <-made); diff != "" {
		t.Errorf("Secret:\n%s", diff)
	}
}
