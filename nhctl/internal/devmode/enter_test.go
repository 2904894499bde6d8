package devmode

import (
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// original is the Deployment that is taken into dev mode.
func original() appsv1.Deployment {
	three := int32(3)
	return appsv1.Deployment{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{
			Name:      "web",
			Namespace: "shop",
			Labels:    map[string]string{"team": "front"},
		},
		Spec: appsv1.DeploymentSpec{
			Replicas: &three,
			Selector: &metav1.LabelSelector{
				MatchLabels: map[string]string{"app": "web"},
				MatchExpressions: []metav1.LabelSelectorRequirement{
					{Key: "stage", Operator: metav1.LabelSelectorOpExists},
				},
			},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{
					"app":    "web",
					"stage":  "test",
					"routed": "yes",
					"tier":   "front",
				}},
				Spec: corev1.PodSpec{
					Containers: []corev1.Container{{
						Name:         "app",
						Image:        "web:1",
						Ports:        []corev1.ContainerPort{{ContainerPort: 80}},
						VolumeMounts: []corev1.VolumeMount{{Name: "settings", MountPath: "/etc/web"}},
					}},
					Volumes: []corev1.Volume{{
						Name: "settings",
						VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
							LocalObjectReference: corev1.LocalObjectReference{Name: "web"},
						}},
					}},
				},
			},
		},
	}
}

// cluster is one with that Deployment and a Service.
func cluster() *kubetest.Cluster {
	web := original()
	c := kubetest.New([]string{"shop"})
	c.Add(&web, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"routed": "yes"}},
	})
	return c
}

func spec(mode record.Mode) Spec {
	return Spec{
		Workload: workload.Ref{Kind: workload.Deployment, Name: "web"},
		Mode:     mode,
		Dev: Dev{
			Image:   "dev:1",
			WorkDir: "/src",
			Shell:   "bash",
			Env:     []corev1.EnvVar{{Name: "DEBUG", Value: "1"}},
			Resources: corev1.ResourceRequirements{
				Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")},
			},
		},
		Folder:       "/home/ada/web",
		SidecarImage: "sidecar:1",
		Holder:       record.Holder{User: "ada", Local: "ada@laptop"},
	}
}

// What is planned: the record that everything is ended from, and the twin with all its parts.
func TestResolve(t *testing.T) {
	t.Parallel()
	for _, mode := range []record.Mode{record.Replace, record.Duplicate} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			shop := cluster()
			shop.Ahead = -time.Hour // it is the cluster's time that is recorded
			c, s := shop.Client(t, "ada", "shop"), spec(mode)
			e := &entry{Deps: Deps{Cluster: c}, spec: s}
			if err := e.resolve(t.Context()); err != nil {
				t.Fatal(err)
			}
			if behind := time.Since(e.record.Since); behind < 59*time.Minute {
				t.Errorf("recorded as %s ago", behind)
			}
			id, port := e.record.Session, e.record.Port // drawn
			if len(id) != 8 || port < firstPort || port >= firstPort+ports || len(e.token) != 32 {
				t.Errorf("session %q, port %d, token of %d bytes", id, port, len(e.token))
			}
			want := Record{
				Kind:      record.DevMode,
				Version:   record.Version,
				Session:   id,
				Namespace: "shop",
				Place: record.Place{
					Namespace: kubetest.Get[corev1.Namespace](shop, "", "shop").UID,
					Server:    c.Identity,
				},
				Workload:    s.Workload,
				UID:         kubetest.Get[appsv1.Deployment](shop, "shop", "web").UID,
				Replicas:    3,
				Mode:        mode,
				Phase:       record.Entering,
				Holder:      s.Holder,
				Since:       e.record.Since,
				Port:        port,
				Container:   "app",
				Image:       "dev:1",
				WorkDir:     "/src",
				Shell:       "bash",
				Folder:      s.Folder,
				Fingerprint: e.record.Fingerprint,
			}
			if e.record.Fingerprint == "" {
				t.Error("no fingerprint of the template")
			}
			if diff := cmp.Diff(want, e.record); diff != "" {
				t.Errorf("record:\n%s", diff)
			}
			twin, err := workload.Twin(original().Spec.Template, workload.Settings{
				Name:      want.Twin(),
				Namespace: "shop",
				Session:   id,
				Duplicate: mode == record.Duplicate,
				Selecting: workload.Selecting{Values: []string{"routed", "app"}, Presence: []string{"stage"}},
				Dev: workload.Dev{
					Container: "app",
					Image:     "dev:1",
					WorkDir:   "/src",
					Folders:   []contract.Folder{{ID: id, MountPath: "/src"}},
					Env:       s.Env,
					Resources: s.Resources,
				},
				SidecarImage: "sidecar:1",
				Port:         port,
			})
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
			token := &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
				{Secret: &corev1.SecretProjection{
					LocalObjectReference: corev1.LocalObjectReference{Name: want.Twin()},
					Items:                []corev1.KeyToPath{{Key: "token", Path: "sessions/" + id}},
				}},
				{ConfigMap: &corev1.ConfigMapProjection{
					LocalObjectReference: corev1.LocalObjectReference{Name: "nhctl-gates"},
					Items:                []corev1.KeyToPath{{Key: id, Path: "ready"}},
					Optional:             &optional,
				}},
			}}
			volumes := append(original().Spec.Template.Spec.Volumes,
				corev1.Volume{Name: "nhctl-bin", VolumeSource: empty},
				corev1.Volume{Name: "nhctl-run", VolumeSource: empty},
				corev1.Volume{Name: "nhctl-work", VolumeSource: empty},
				corev1.Volume{Name: "nhctl-token", VolumeSource: corev1.VolumeSource{Projected: token}})
			if diff := cmp.Diff(volumes, e.twin.Spec.Template.Spec.Volumes); diff != "" {
				t.Errorf("volumes:\n%s", diff)
			}
		})
	}
}

// The Secret is what the twin's volume names, holds what the sidecar reads, and goes with the twin.
func TestCreate(t *testing.T) {
	t.Parallel()
	c := cluster()
	var made []runtime.Object // as it was asked for
	c.Admit(func(q kubetest.Request, _ *unstructured.Unstructured) error {
		o, _, err := scheme.Codecs.UniversalDeserializer().Decode(q.Body, nil, nil)
		made = append(made, o)
		return err
	})
	e := &entry{Deps: Deps{Cluster: c.Client(t, "ada", "shop")}, spec: spec(record.Replace)}
	if err := e.resolve(t.Context()); err != nil {
		t.Fatal(err)
	}
	planned := e.twin.DeepCopy()
	if err := e.create(t.Context()); err != nil {
		t.Fatal(err)
	}
	planned.TypeMeta = metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}
	yes := true
	secret := &corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{
			Name: e.record.Twin(),
			Labels: map[string]string{
				contract.LabelSession: e.record.Session,
				contract.LabelRole:    contract.RoleTwin,
			},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "apps/v1",
				Kind:       "Deployment",
				Name:       e.record.Twin(),
				UID:        kubetest.Get[appsv1.Deployment](c, "shop", e.record.Twin()).UID,
				Controller: &yes,
			}},
		},
		StringData: map[string]string{"token": hex.EncodeToString(e.token)},
	}
	if diff := cmp.Diff([]runtime.Object{planned, secret}, made); diff != "" {
		t.Error(diff)
	}
}
