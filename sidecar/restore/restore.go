package restore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/frontnote"
)

const (
	core      = "/api/v1"
	discovery = "/apis/discovery.k8s.io/v1"
	// look is the pause between two looks at the Service's endpoints, spread how long a change is given to reach all
	// nodes where they can't be read.
	look   = 200 * time.Millisecond
	spread = 10 * time.Second
	// lookLimit limits the wait for the endpoints.
	lookLimit = time.Minute
)

// ErrChanged says that someone changed the Service at the same moment.
var ErrChanged = errors.New("someone else has changed the Service in the meantime")

// Front restores the Service of one front.
type Front struct {
	Cluster *Cluster
	ID      string
	contract.Restore
	Logger *slog.Logger
}

// service is the part of a Service that is of interest here.
type service struct {
	Metadata struct {
		UID         string            `json:"uid"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		Selector map[string]string `json:"selector"`
	} `json:"spec"`
}

// operation is one of a JSON patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// Service leads the Service to its own pods, and returns once the cluster does. One that leads elsewhere by now stays
// as it is.
func (f Front) Service(ctx context.Context) error {
	var s service
	path := in(core, f.Namespace, "services", f.Restore.Service)
	err := f.Cluster.call(ctx, http.MethodGet, path, "", nil, &s)
	if is(err, http.StatusNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if contract.FrontID(s.Metadata.UID) != f.ID || !frontnote.Leads(s.Spec.Selector, f.ID) {
		f.Logger.Info("the Service leads elsewhere: it stays as it is", "service", f.Restore.Service)
		return nil
	}
	text := s.Metadata.Annotations[contract.AnnotationFront]
	note, err := frontnote.Read(text, s.Spec.Selector)
	if err != nil {
		return fmt.Errorf("annotation %s of Service %s: %w", contract.AnnotationFront, f.Restore.Service, err)
	}
	annotation := "/metadata/annotations/" + strings.ReplaceAll(contract.AnnotationFront, "/", "~1")
	const selector = "/spec/selector"
	err = f.Cluster.call(ctx, http.MethodPatch, path, "application/json-patch+json", []operation{
		{Op: "test", Path: selector, Value: s.Spec.Selector},
		{Op: "test", Path: annotation, Value: text},
		{Op: "replace", Path: selector, Value: note.Selector},
		{Op: "remove", Path: annotation},
	}, nil)
	if is(err, http.StatusUnprocessableEntity) {
		return ErrChanged
	}
	if err != nil {
		return err
	}
	f.Logger.Info("the Service leads to its own pods again", "service", f.Restore.Service)
	return f.await(ctx)
}

// endpointSlices is the part of a list of EndpointSlices that is of interest here.
type endpointSlices struct {
	Items []struct {
		Endpoints []struct {
			TargetRef *struct {
				Name string `json:"name"`
			} `json:"targetRef"`
		} `json:"endpoints"`
	} `json:"items"`
}

// await returns once no endpoint of the Service is the front's.
func (f Front) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	query := url.Values{"labelSelector": {"kubernetes.io/service-name=" + f.Restore.Service}}
	path := in(discovery, f.Namespace, "endpointslices") + "?" + query.Encode()
	for {
		var all endpointSlices
		err := f.Cluster.call(ctx, http.MethodGet, path, "", nil, &all)
		switch {
		case is(err, http.StatusForbidden):
			return rest(ctx, spread)
		case err == nil && !f.among(all):
			return nil
		}
		if err := rest(ctx, look); err != nil {
			return fmt.Errorf("wait until no endpoint of Service %s is the front's: %w", f.Restore.Service, err)
		}
	}
}

func (f Front) among(all endpointSlices) bool {
	for _, s := range all.Items {
		for _, e := range s.Endpoints {
			if e.TargetRef != nil && strings.HasPrefix(e.TargetRef.Name, contract.FrontPrefix+f.ID+"-") {
				return true
			}
		}
	}
	return false
}

func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Objects deletes all that the front consists of: the Service that leads to the originals, to which the rest belongs.
func (f Front) Objects(ctx context.Context) error {
	err := f.Cluster.call(ctx, http.MethodDelete, in(core, f.Namespace, "services", f.Originals), "application/json",
		map[string]any{
			"apiVersion":        "v1",
			"kind":              "DeleteOptions",
			"propagationPolicy": "Background",
			"preconditions":     map[string]string{"uid": f.UID},
		}, nil)
	if is(err, http.StatusNotFound) || is(err, http.StatusConflict) {
		return nil // it is gone, or another front's
	}
	return err
}
