package devmode

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

func active() Record {
	return Record{
		Session:   "0a1b2c3d",
		Namespace: "shop",
		Workload:  workload.Ref{Kind: workload.Deployment, Name: "web"},
		Replicas:  1,
		Mode:      record.Replace,
		Phase:     record.Active,
		Holder:    record.Holder{User: "ada", Local: "ada@laptop"},
		Since:     time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC),
		Port:      20001,
		Container: "app",
		Image:     "dev:1",
		WorkDir:   "/src",
	}
}

// deletions are the names that were deleted, each with the UID that it had to have.
func deletions(api *fake.Clientset) (list []string) {
	for _, action := range api.Actions() {
		if d, ok := action.(clienttesting.DeleteActionImpl); ok {
			uid := types.UID("any")
			if p := d.DeleteOptions.Preconditions; p != nil && p.UID != nil {
				uid = *p.UID
			}
			list = append(list, d.GetNamespace()+"/"+d.GetResource().Resource+"/"+d.GetName()+"="+string(uid))
		}
	}
	return list
}

func labels(role, session string) map[string]string {
	return map[string]string{contract.LabelRole: role, contract.LabelSession: session}
}

// Only what has the labels of the session is deleted, only in the client's namespace, and only the very object that was
// looked at.
func TestDeletions(t *testing.T) {
	t.Parallel()
	r := active()
	ours := labels(contract.RoleTwin, r.Session)
	for name, tt := range map[string]struct {
		twin    metav1.ObjectMeta
		want    string
		refused bool
	}{
		"the twin":            {metav1.ObjectMeta{Labels: ours}, "shop/deployments/web-nhctl-0a1b2c3d=u1", false},
		"no labels":           {metav1.ObjectMeta{}, "", true},
		"another session's":   {metav1.ObjectMeta{Labels: labels(contract.RoleTwin, "11111111")}, "", true},
		"another role":        {metav1.ObjectMeta{Labels: labels(contract.RoleSession, r.Session)}, "", true},
		"in another position": {metav1.ObjectMeta{Namespace: "prod", Labels: ours}, "", false},
	} {
		tt.twin.Name, tt.twin.UID = r.Twin(), "u1"
		if tt.twin.Namespace == "" {
			tt.twin.Namespace = "shop"
		}
		api := fake.NewClientset(&appsv1.Deployment{ObjectMeta: tt.twin})
		forged := r
		forged.Namespace = "prod" // the record's word counts for nothing here
		err := deleteDeployment(t.Context(), &kube.Client{API: api, Namespace: "shop"}, forged)
		if (err != nil) != tt.refused || err != nil && problem.From(err).Code != problem.Refused {
			t.Errorf("%s: %v", name, err)
		}
		if got := strings.Join(deletions(api), " "); got != tt.want {
			t.Errorf("%s: deleted %q, want %q", name, got, tt.want)
		}
	}
}

// A claim that only says that it is the developer's is left alone.
func TestCleanForgedClaim(t *testing.T) {
	t.Parallel()
	ada := record.Holder{User: "ada", Local: "ada@laptop"}
	web := workload.Ref{Kind: workload.Deployment, Name: "web"}
	claim := func(name string) *corev1.PersistentVolumeClaim {
		return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
			Name:      name,
			Namespace: "shop",
			UID:       "u1",
			Labels:    map[string]string{contract.LabelRole: contract.RoleCache},
			Annotations: map[string]string{
				contract.AnnotationDeveloper: ada.Developer(),
				contract.AnnotationWorkload:  web.String(),
				contract.AnnotationPath:      "/go",
			},
		}}
	}
	own := claimName(ada, web, "/go")
	api := fake.NewClientset(claim(own))
	if _, err := Clean(t.Context(), &kube.Client{API: api, Namespace: "shop"}, ada, nil); err != nil {
		t.Error(err)
	}
	if got := strings.Join(deletions(api), " "); got != "shop/persistentvolumeclaims/"+own+"=u1" {
		t.Errorf("deleted %q", got)
	}
	api = fake.NewClientset(claim("database"))
	_, err := Clean(t.Context(), &kube.Client{API: api, Namespace: "shop"}, ada, nil)
	if got := deletions(api); len(got) > 0 || err == nil || problem.From(err).Code != problem.Refused {
		t.Errorf("deleted %q, %v", got, err)
	}
}

// A manifest is created only as the Pod that it is kept under.
func TestForgedManifests(t *testing.T) {
	t.Parallel()
	valid := workload.Manifest(&unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{
		"name":            "web",
		"namespace":       "shop",
		"uid":             "u1",
		"resourceVersion": "7",
	}}})
	for name, tt := range map[string]struct {
		forge func(*unstructured.Unstructured)
		fine  bool
	}{
		"as it was":         {func(*unstructured.Unstructured) {}, true},
		"another name":      {func(p *unstructured.Unstructured) { p.SetName("payment") }, false},
		"another namespace": {func(p *unstructured.Unstructured) { p.SetNamespace("prod") }, false},
		"no namespace":      {func(p *unstructured.Unstructured) { p.SetNamespace("") }, false},
		"another kind":      {func(p *unstructured.Unstructured) { p.SetKind("Secret") }, false},
		"a UID":             {func(p *unstructured.Unstructured) { p.SetUID("u2") }, false},
		"fields of other types": {func(p *unstructured.Unstructured) {
			p.Object["metadata"] = []any{"web"}
		}, false},
		"nothing": {func(p *unstructured.Unstructured) { p.Object = nil }, false},
	} {
		pod := valid.DeepCopy()
		tt.forge(pod)
		manifest, err := json.Marshal(pod.Object)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parkedPod(manifest, "shop", "web"); (err == nil) != tt.fine {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := parkedPod([]byte("{"), "shop", "web"); err == nil {
		t.Error("no JSON is accepted")
	}
}

// The manifest that was restored is dropped, the Secret goes with its last one, and neither is touched where it is
// another.
func TestForgetManifest(t *testing.T) {
	t.Parallel()
	r := active()
	r.Workload = workload.Ref{Kind: workload.Pod, Name: "web"}
	parked := map[string]string{contract.LabelRole: contract.RoleParked}
	secret := func(labels map[string]string, data map[string][]byte) runtime.Object {
		return &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Name:      contract.ParkedPods,
				Namespace: "shop",
				UID:       "u1",
				Labels:    labels,
			},
			Data: data,
		}
	}
	for name, tt := range map[string]struct {
		labels map[string]string
		data   map[string][]byte
		left   int
	}{
		"the last":        {parked, map[string][]byte{"web": []byte("m")}, 0},
		"one of two":      {parked, map[string][]byte{"web": []byte("m"), "db": []byte("n")}, 1},
		"parked again":    {parked, map[string][]byte{"web": []byte("another")}, 1},
		"no Secret of us": {nil, map[string][]byte{"web": []byte("m")}, 1},
	} {
		api := fake.NewClientset(secret(tt.labels, tt.data))
		err := storing{&kube.Client{API: api, Namespace: "shop"}}.forget(t.Context(), r, []byte("m"))
		left, getErr := api.CoreV1().Secrets("shop").Get(t.Context(), contract.ParkedPods, metav1.GetOptions{})
		keys := 0
		if getErr == nil {
			keys = len(left.Data)
		}
		// The fake API server has another error for a test that fails.
		if err != nil && !strings.Contains(err.Error(), "test") || keys != tt.left {
			t.Errorf("%s: %d left, %v", name, keys, err)
		}
	}
}
