// Package volumes makes the dynamic volumes of a playground: a folder of the computer for each claim, which any user
// may write to. Kubernetes' own host-path provisioner has one fixed folder for all clusters of a computer, and makes
// volumes for root alone.
package volumes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// The annotations by which Kubernetes and provisioners find each other.
const (
	asksFor       = "volume.kubernetes.io/storage-provisioner"
	provisionedBy = "pv.kubernetes.io/provisioned-by"
)

// Provisioner makes and removes the volumes of one cluster.
type Provisioner struct {
	Client kubernetes.Interface
	// Name is what StorageClasses call it.
	Name string
	// Dir holds a folder for each volume, and nothing else.
	Dir string
}

// folder is the folder of a volume, whose name this package chose.
func (p *Provisioner) folder(volume string) (string, error) {
	if !strings.HasPrefix(volume, "pvc-") || !filepath.IsLocal(volume) || filepath.Base(volume) != volume {
		return "", fmt.Errorf("volume %q: not a name that the provisioner gives", volume)
	}
	return filepath.Join(p.Dir, volume), nil
}

// provision makes the volume that a claim waits for. Doing so twice changes nothing.
func (p *Provisioner) provision(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	if claim.Annotations[asksFor] != p.Name || claim.Spec.VolumeName != "" || claim.DeletionTimestamp != nil ||
		claim.Spec.StorageClassName == nil {
		return nil
	}
	class, err := p.Client.StorageV1().StorageClasses().Get(ctx, *claim.Spec.StorageClassName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if mode := claim.Spec.VolumeMode; mode != nil && *mode != corev1.PersistentVolumeFilesystem {
		return fmt.Errorf("claim %s/%s wants a volume of mode %s; there are file systems only", claim.Namespace,
			claim.Name, *mode)
	}
	volume := "pvc-" + string(claim.UID)
	folder, err := p.folder(volume)
	if err != nil {
		return err
	}
	if err := makeFolder(folder); err != nil {
		return err
	}
	_, err = p.Client.CoreV1().PersistentVolumes().Create(ctx, p.describe(volume, folder, claim, class),
		metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// makeFolder makes a folder that any user may write to: fsGroup has no effect on host paths.
func makeFolder(folder string) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	return os.Chmod(folder, 0o777) // whatever the umask says
}

// describe returns the volume of a claim.
func (p *Provisioner) describe(
	name, folder string, claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass,
) *corev1.PersistentVolume {
	reclaim := corev1.PersistentVolumeReclaimDelete
	if class.ReclaimPolicy != nil {
		reclaim = *class.ReclaimPolicy
	}
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{provisionedBy: p.Name}},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: corev1.ResourceList{
				corev1.ResourceStorage: claim.Spec.Resources.Requests[corev1.ResourceStorage],
			},
			AccessModes:                   claim.Spec.AccessModes,
			PersistentVolumeReclaimPolicy: reclaim,
			StorageClassName:              class.Name,
			VolumeMode:                    claim.Spec.VolumeMode,
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				HostPath: &corev1.HostPathVolumeSource{Path: folder},
			},
			ClaimRef: &corev1.ObjectReference{
				Kind:       "PersistentVolumeClaim",
				APIVersion: "v1",
				Namespace:  claim.Namespace,
				Name:       claim.Name,
				UID:        claim.UID,
			},
		},
	}
}

// release removes a volume whose claim is gone, with what is in it, unless it is to be kept.
func (p *Provisioner) release(ctx context.Context, volume *corev1.PersistentVolume) error {
	if volume.Annotations[provisionedBy] != p.Name || volume.Status.Phase != corev1.VolumeReleased ||
		volume.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete ||
		volume.DeletionTimestamp != nil {
		return nil
	}
	folder, err := p.folder(volume.Name)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	err = p.Client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name,
		metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &volume.UID}})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// Check says whether volumes can be made now: the API server answers, and a folder can be made where they are.
func (p *Provisioner) Check(ctx context.Context) error {
	if _, err := p.Client.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{Limit: 1}); err != nil {
		return err
	}
	if err := os.MkdirAll(p.Dir, 0o700); err != nil {
		return err
	}
	probe, err := os.MkdirTemp(p.Dir, "probe-")
	if err != nil {
		return err
	}
	return errors.Join(os.Chmod(probe, 0o777), os.Remove(probe))
}
