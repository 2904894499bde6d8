package volumes

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
)

const testName = "example.com/volumes"

func testClaim(change func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
	class := "standard"
	c := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   "shop",
			Name:        "data",
			UID:         "u1",
			Annotations: map[string]string{asksFor: testName},
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			StorageClassName: &class,
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
			},
		},
	}
	if change != nil {
		change(c)
	}
	return c
}

func testVolume(name string, change func(*corev1.PersistentVolume)) *corev1.PersistentVolume {
	v := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: "v1", Annotations: map[string]string{provisionedBy: testName}},
		Spec:       corev1.PersistentVolumeSpec{PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete},
		Status:     corev1.PersistentVolumeStatus{Phase: corev1.VolumeReleased},
	}
	if change != nil {
		change(v)
	}
	return v
}

func volumeNames(t *testing.T, p *Provisioner) []string {
	t.Helper()
	list, err := p.Client.CoreV1().PersistentVolumes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range list.Items {
		names = append(names, v.Name)
	}
	return names
}

func folders(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestProvision(t *testing.T) {
	t.Parallel()
	keep, block := corev1.PersistentVolumeReclaimRetain, corev1.PersistentVolumeBlock
	tests := map[string]struct {
		claim  *corev1.PersistentVolumeClaim
		made   []string
		failed bool
	}{
		"waits for this provisioner": {claim: testClaim(nil), made: []string{"pvc-u1"}},
		"waits for another provisioner": {
			claim: testClaim(func(c *corev1.PersistentVolumeClaim) { c.Annotations[asksFor] = "example.com/other" }),
		},
		"names no provisioner": {claim: testClaim(func(c *corev1.PersistentVolumeClaim) { c.Annotations = nil })},
		"has its volume": {
			claim: testClaim(func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "mine" }),
		},
		"is being deleted": {
			claim: testClaim(func(c *corev1.PersistentVolumeClaim) { c.DeletionTimestamp = &metav1.Time{} }),
		},
		"wants a block device": {claim: testClaim(func(c *corev1.PersistentVolumeClaim) {
			c.Spec.VolumeMode = &block
		}), failed: true},
		"has an UID that is a path": {claim: testClaim(func(c *corev1.PersistentVolumeClaim) { c.UID = "/../../x" }),
			failed: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "standard"}, Provisioner: testName,
				ReclaimPolicy: &keep}
			p := &Provisioner{Client: fake.NewClientset([]runtime.Object{class}...), Name: testName, Dir: t.TempDir()}
			for range 2 { // the second time changes nothing
				if err := p.provision(t.Context(), test.claim); (err != nil) != test.failed {
					t.Fatalf("provision: %v", err)
				}
			}
			if diff := cmp.Diff([][]string{test.made, test.made},
				[][]string{volumeNames(t, p), folders(t, p.Dir)}); diff != "" {
				t.Errorf("volumes and folders (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProvisionedVolume(t *testing.T) {
	t.Parallel()
	keep := corev1.PersistentVolumeReclaimRetain
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "standard"}, Provisioner: testName,
		ReclaimPolicy: &keep}
	p := &Provisioner{Client: fake.NewClientset(class), Name: testName, Dir: filepath.Join(t.TempDir(), "removed", "by",
		"someone")}
	claim := testClaim(nil)
	if err := p.provision(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(p.Dir, "pvc-u1"))
	if err != nil || info.Mode().Perm() != 0o777 {
		t.Errorf("the folder has the mode %v, %v", info.Mode(), err)
	}
	got, err := p.Client.CoreV1().PersistentVolumes().Get(t.Context(), "pvc-u1", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := p.describe("pvc-u1", filepath.Join(p.Dir, "pvc-u1"), claim, class)
	if diff := cmp.Diff(want.Spec, got.Spec); diff != "" {
		t.Errorf("volume (-want +got):\n%s", diff)
	}
	if got.Spec.PersistentVolumeReclaimPolicy != keep || got.Spec.ClaimRef.UID != claim.UID ||
		got.Spec.StorageClassName != "standard" {
		t.Errorf("volume: %+v", got.Spec)
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		volume *corev1.PersistentVolume
		kept   bool
		failed bool
	}{
		"its claim is gone": {volume: testVolume("pvc-u1", nil)},
		"it is bound": {volume: testVolume("pvc-u1",
			func(v *corev1.PersistentVolume) { v.Status.Phase = corev1.VolumeBound }), kept: true},
		"it is to be kept": {volume: testVolume("pvc-u1", func(v *corev1.PersistentVolume) {
			v.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
		}), kept: true},
		"another provisioner made it": {volume: testVolume("pvc-u1",
			func(v *corev1.PersistentVolume) { v.Annotations = nil }), kept: true},
		"its name is a path":         {volume: testVolume("pvc-/../pvc-u1", nil), kept: true, failed: true},
		"its name is someone else's": {volume: testVolume("data", nil), kept: true, failed: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &Provisioner{Client: fake.NewClientset(test.volume), Name: testName, Dir: t.TempDir()}
			if err := makeFolder(filepath.Join(p.Dir, "pvc-u1")); err != nil {
				t.Fatal(err)
			}
			if err := p.release(t.Context(), test.volume); (err != nil) != test.failed {
				t.Fatalf("release: %v", err)
			}
			var volumes, dirs []string
			if test.kept {
				volumes, dirs = []string{test.volume.Name}, []string{"pvc-u1"}
			}
			if diff := cmp.Diff([][]string{volumes, dirs},
				[][]string{volumeNames(t, p), folders(t, p.Dir)}); diff != "" {
				t.Errorf("volumes and folders (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "volumes")
	p := &Provisioner{Client: fake.NewClientset(), Name: testName, Dir: dir}
	if err := p.Check(t.Context()); err != nil { // also when someone removed the folder
		t.Error(err)
	}
	if left := folders(t, dir); len(left) > 0 {
		t.Errorf("the check left %v", left)
	}
	if err := os.WriteFile(filepath.Join(t.TempDir(), "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.Dir = filepath.Join("/proc", "no-such-folder")
	if err := p.Check(t.Context()); err == nil {
		t.Error("volumes can be made where no folder can")
	}
}
