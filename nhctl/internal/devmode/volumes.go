package devmode

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Dir is a folder of the dev container that outlives dev mode.
type Dir struct {
	Path     string
	Capacity resource.Quantity
	// Late says that the volume is known to be bound only once a pod needs it, so no one needs to be told.
	Late bool
}

// claimName names a developer's claim for a folder of a workload: the same at each start.
func claimName(h record.Holder, ref workload.Ref, path string) string {
	sum := sha256.Sum256([]byte(h.Developer() + "\n" + ref.String() + "\n" + path))
	const room = 40
	return "nhctl-" + strings.Trim(ref.Name[:min(len(ref.Name), room)], ".-") + "-" + hex.EncodeToString(sum[:5])
}

// mounts are the developer's claims, as a container of the twin mounts them.
func (e *entry) mounts(dev Dev) []workload.Mount {
	var list []workload.Mount
	for _, d := range dev.Dirs {
		list = append(list, workload.Mount{Claim: claimName(e.spec.Holder, e.spec.Workload, d.Path), Path: d.Path})
	}
	return list
}

// prepareVolumes creates the developer's claims that are not there yet. They have no owner: they stay when the twin
// goes.
func (e *entry) prepareVolumes(ctx context.Context) error {
	claims := e.Cluster.API.CoreV1().PersistentVolumeClaims(e.Cluster.Namespace)
	for _, d := range e.spec.dirs() {
		claim := e.claim(d)
		_, err := claims.Create(ctx, claim, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("create the claim for %s: %w", d.Path, e.Cluster.Explain(err))
		}
		if d.Late {
			continue
		}
		if err := e.awaitBound(ctx, claim.Name, d.Path); err != nil {
			return err
		}
	}
	return nil
}

func (e *entry) claim(d Dir) *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Name:      claimName(e.spec.Holder, e.spec.Workload, d.Path),
			Namespace: e.Cluster.Namespace,
			Labels:    map[string]string{contract.LabelRole: contract.RoleCache},
			Annotations: map[string]string{
				contract.AnnotationDeveloper: e.spec.Holder.Developer(),
				contract.AnnotationWorkload:  e.spec.Workload.String(),
				contract.AnnotationPath:      d.Path,
			},
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: d.Capacity},
			},
		},
	}
	if e.spec.StorageClass != "" {
		claim.Spec.StorageClassName = &e.spec.StorageClass
	}
	return claim
}

// bindingLimit is how long a new claim is waited for before the pod that needs it is created.
const bindingLimit = 5 * time.Second

// awaitBound waits a moment for a volume, and tells when there is none: the pod may be what it waits for.
func (e *entry) awaitBound(ctx context.Context, name, path string) error {
	begin := time.Now()
	claims := e.Cluster.API.CoreV1().PersistentVolumeClaims(e.Cluster.Namespace)
	return poll(ctx, func(ctx context.Context) (bool, error) {
		claim, err := claims.Get(ctx, name, metav1.GetOptions{})
		if err != nil || claim.Status.Phase == corev1.ClaimBound {
			return err == nil, e.Cluster.Explain(err)
		}
		if time.Since(begin) < bindingLimit {
			return false, nil
		}
		e.Emit(notice(fmt.Sprintf("the claim %s for %s has no volume yet; where the storage class binds "+
			"once a pod needs it, say so with waitForFirstConsumer: true in persistentVolumeDirs", name, path)))
		return true, nil
	})
}

// Volume is a developer's claim for a folder of a workload.
type Volume struct {
	Name      string
	Workload  string
	Path      string
	Developer string
	Mine      bool
	Capacity  string
	Phase     string // as Kubernetes names it
	Pod       string // that uses it now
	Created   time.Time
}

// Volumes lists the claims that outlive dev mode, everyone's.
func Volumes(ctx context.Context, c *kube.Client, mine record.Holder) ([]Volume, error) {
	claims, err := c.API.CoreV1().PersistentVolumeClaims(c.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: contract.LabelRole + "=" + contract.RoleCache,
	})
	if err != nil {
		return nil, fmt.Errorf("list claims: %w", c.Explain(err))
	}
	pods, err := c.API.CoreV1().Pods(c.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: contract.LabelRole + "=" + contract.RoleTwin,
	})
	if err != nil {
		return nil, fmt.Errorf("list pods: %w", c.Explain(err))
	}
	users := map[string]string{}
	for _, p := range pods.Items {
		for _, v := range p.Spec.Volumes {
			if v.PersistentVolumeClaim != nil {
				users[v.PersistentVolumeClaim.ClaimName] = p.Name
			}
		}
	}
	list := []Volume{}
	for _, claim := range claims.Items {
		a, size := claim.Annotations, claim.Spec.Resources.Requests[corev1.ResourceStorage]
		list = append(list, Volume{
			Name:      claim.Name,
			Workload:  a[contract.AnnotationWorkload],
			Path:      a[contract.AnnotationPath],
			Developer: a[contract.AnnotationDeveloper],
			Mine:      a[contract.AnnotationDeveloper] == mine.Developer(),
			Capacity:  size.String(),
			Phase:     string(claim.Status.Phase),
			Pod:       users[claim.Name],
			Created:   claim.CreationTimestamp.Time,
		})
	}
	return list, nil
}

// Clean deletes the caller's own claims of one workload, or of all; those of live sessions are refused.
func Clean(ctx context.Context, c *kube.Client, mine record.Holder, ref *workload.Ref) ([]Volume, error) {
	all, err := Volumes(ctx, c, mine)
	if err != nil {
		return nil, err
	}
	deleted := []Volume{}
	for _, v := range all {
		if !v.Mine || ref != nil && v.Workload != ref.String() {
			continue
		}
		if v.Pod != "" {
			return deleted, problem.New(problem.Refused, "the volume of %s (%s) is in use by pod %s",
				v.Path, v.Workload, v.Pod).
				WithHint("end dev mode first: nhctl dev end %s", v.Workload)
		}
		if err := deleteClaim(ctx, c, mine, v); err != nil {
			return deleted, fmt.Errorf("delete claim %s: %w", v.Name, err)
		}
		deleted = append(deleted, v)
	}
	return deleted, nil
}

// deleteClaim deletes a developer's claim. One that only says that it is theirs has another name than nhctl would have
// given it.
func deleteClaim(ctx context.Context, c *kube.Client, mine record.Holder, v Volume) error {
	claims := c.API.CoreV1().PersistentVolumeClaims(c.Namespace)
	claim, err := claims.Get(ctx, v.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return c.Explain(err)
	}
	a := claim.Annotations
	ref, err := workload.ParseRef(a[contract.AnnotationWorkload])
	if err != nil || claim.Labels[contract.LabelRole] != contract.RoleCache ||
		a[contract.AnnotationDeveloper] != mine.Developer() ||
		claim.Name != claimName(mine, ref, a[contract.AnnotationPath]) {
		return problem.New(problem.Refused,
			"it has the annotations of a volume of yours, and not its name: nhctl leaves it alone").
			WithHint("whoever annotated it knows more; nhctl dev volumes list shows it")
	}
	err = claims.Delete(ctx, claim.Name, metav1.DeleteOptions{Preconditions: very(claim.ObjectMeta)})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return c.Explain(err)
}
