package devmode

import (
	"encoding/json"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
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
		Since:     noon,
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

// Only what has the labels of the session is deleted, only in the client's namespace, and only the very object that was looked at.
func TestDeletions(t *testing.T) {
	t.Parallel()
	r := active()
	for name, tt := range map[string]struct {
		twin    metav1.ObjectMeta
		want    string
		refused bool
	}{
		"the twin":            {metav1.ObjectMeta{Labels: labels(contract.RoleTwin, r.Session)}, "shop/deployments/web-nhctl-0a1b2c3d=u1", false},
		"no labels":           {metav1.ObjectMeta{}, "", true},
		"another session's":   {metav1.ObjectMeta{Labels: labels(contract.RoleTwin, "11111111")}, "", true},
		"another role":        {metav1.ObjectMeta{Labels: labels(contract.RoleSession, r.Session)}, "", true},
		"in another position": {metav1.ObjectMeta{Namespace: "prod", Labels: labels(contract.RoleTwin, r.Session)}, "", false},
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
	for name, tt := range map[string]struct {
		labels map[string]string
		want   string
	}{
		"the session's Lease": {labels(contract.RoleSession, r.Session), "shop/leases/nhctl-deployment-web=u1"},
		"another session's":   {labels(contract.RoleSession, "11111111"), ""},
		"no session's":        {map[string]string{contract.LabelSession: r.Session}, ""},
	} {
		api := fake.NewClientset(&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: r.Lease(), Namespace: "shop", UID: "u1", Labels: tt.labels}})
		if err := deleteLease(t.Context(), &kube.Client{API: api, Namespace: "shop"}, r); err != nil {
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
	ada := rpc.Holder{User: "ada", Local: "ada@laptop"}
	web := workload.Ref{Kind: workload.Deployment, Name: "web"}
	claim := func(name string) *corev1.PersistentVolumeClaim {
		return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop", UID: "u1",
			Labels: map[string]string{contract.LabelRole: contract.RoleCache},
			Annotations: map[string]string{contract.AnnotationDeveloper: ada.Developer(), contract.AnnotationWorkload: web.String(),
				contract.AnnotationPath: "/go"}}}
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

// One Lease that can't be read hides no other.
func TestListWithABadLease(t *testing.T) {
	t.Parallel()
	good, err := active().NewLease()
	if err != nil {
		t.Fatal(err)
	}
	bad := good.DeepCopy()
	bad.Name = "nhctl-deployment-payment"
	api := fake.NewClientset(good, bad)
	listed, err := List(t.Context(), &kube.Client{API: api, Namespace: "shop"})
	if err != nil || len(listed.Records) != 1 || listed.Records[0].Session != "0a1b2c3d" {
		t.Errorf("%+v, %v", listed.Records, err)
	}
	if len(listed.Unreadable) != 1 || listed.Unreadable[0].Lease != bad.Name || problem.From(listed.Unreadable[0].Err).Code != problem.Unreadable {
		t.Errorf("%+v", listed.Unreadable)
	}
}

// A manifest is created only as the Pod that it is kept under.
func TestForgedManifests(t *testing.T) {
	t.Parallel()
	valid := workload.Manifest(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", UID: "u1", ResourceVersion: "7"}})
	for name, tt := range map[string]struct {
		forge func(*corev1.Pod)
		fine  bool
	}{
		"as it was":         {func(*corev1.Pod) {}, true},
		"another name":      {func(p *corev1.Pod) { p.Name = "payment" }, false},
		"another namespace": {func(p *corev1.Pod) { p.Namespace = "prod" }, false},
		"no namespace":      {func(p *corev1.Pod) { p.Namespace = "" }, false},
		"another kind":      {func(p *corev1.Pod) { p.Kind = "Secret" }, false},
		"a UID":             {func(p *corev1.Pod) { p.UID = "u2" }, false},
	} {
		pod := valid.DeepCopy()
		tt.forge(pod)
		manifest, err := json.Marshal(pod)
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

// The manifest that was restored is dropped, the Secret goes with its last one, and neither is touched where it is another.
func TestForgetManifest(t *testing.T) {
	t.Parallel()
	r := active()
	r.Workload = workload.Ref{Kind: workload.Pod, Name: "web"}
	parked := map[string]string{contract.LabelRole: contract.RoleParked}
	secret := func(labels map[string]string, data map[string][]byte) runtime.Object {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: contract.ParkedPods, Namespace: "shop", UID: "u1", Labels: labels}, Data: data}
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
