package volumes

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// item is a claim or a volume to look at.
type item struct {
	informer cache.SharedIndexInformer
	key      string
}

// Run makes and removes volumes until ctx ends, and says at /healthz of an address whether it can. What fails is
// logged, and tried again.
func (p *Provisioner) Run(ctx context.Context, address string, log io.Writer) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(p.Client, 0)
	queue := workqueue.NewTypedRateLimitingQueue(
		workqueue.NewTypedItemExponentialFailureRateLimiter[item](50*time.Millisecond, 10*time.Second))
	for _, informer := range []cache.SharedIndexInformer{factory.Core().V1().PersistentVolumeClaims().Informer(),
		factory.Core().V1().PersistentVolumes().Informer()} {
		add := func(object any) {
			if key, err := cache.MetaNamespaceKeyFunc(object); err == nil {
				queue.Add(item{informer: informer, key: key})
			}
		}
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: add,
			UpdateFunc: func(_, object any) { add(object) }}); err != nil {
			return err
		}
	}
	server := &http.Server{Handler: p.health(), ReadHeaderTimeout: 5 * time.Second}
	defer server.Close()
	go func() { _ = server.Serve(listener) }()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	context.AfterFunc(ctx, queue.ShutDown)
	for {
		next, ended := queue.Get()
		if ended {
			factory.Shutdown()
			return nil
		}
		if err := p.look(ctx, next); err != nil {
			fmt.Fprintf(log, "%s: %v\n", next.key, err)
			queue.AddRateLimited(next)
		} else {
			queue.Forget(next)
		}
		queue.Done(next)
	}
}

// look does what an item needs.
func (p *Provisioner) look(ctx context.Context, i item) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	object, exists, err := i.informer.GetStore().GetByKey(i.key)
	if err != nil || !exists {
		return err
	}
	switch object := object.(type) {
	case *corev1.PersistentVolumeClaim:
		return p.provision(ctx, object)
	case *corev1.PersistentVolume:
		return p.release(ctx, object)
	}
	return nil
}

func (p *Provisioner) health() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := p.Check(ctx); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	return mux
}
