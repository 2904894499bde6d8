package kubetest

import (
	"encoding/json"
	"net/http"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
)

// event is a line of a watch.
type event struct {
	Type   watch.EventType `json:"type"`
	Object any             `json:"object"`
}

// watch sends what happens to the objects that a request selects, until its client goes. Without a resourceVersion it
// begins with those that are there.
func (c *Cluster) watch(w http.ResponseWriter, q Request) {
	k, found := c.kind(q.Group, q.Resource)
	if !found {
		respond(w, nil, noSuchResource())
		return
	}
	var ended <-chan struct{}
	matches, err := q.selector()
	if err == nil {
		c.mu.Lock()
		err = c.authorize(q)
		ended = c.ended
		c.mu.Unlock()
	}
	if err != nil {
		respond(w, nil, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	lines, flush := json.NewEncoder(w), http.NewResponseController(w)
	_ = flush.Flush() // a writer that can't sends at once
	seen, err := strconv.ParseInt(q.query.Get("resourceVersion"), 10, 64)
	first := err != nil || seen == 0
	for {
		events, next, expired, changed := c.since(k, matches, seen, first)
		if expired {
			status := apierrors.NewResourceExpired("too old resource version").Status()
			status.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
			events = []event{{watch.Error, status}}
		}
		for _, e := range events {
			if lines.Encode(e) != nil {
				return
			}
		}
		_ = flush.Flush()
		if expired {
			return
		}
		seen, first = next, false
		select {
		case <-changed:
		case <-ended:
			return
		case <-q.ctx.Context().Done():
			return
		}
	}
}

// since lists what happened after a revision, and is told of what happens next by changed.
func (c *Cluster) since(
	k Kind, matches func(*unstructured.Unstructured) bool, seen int64, first bool,
) (events []event, next int64, expired bool, changed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reconcile()
	if first {
		for _, o := range c.list(k, "") {
			if matches(o) {
				events = append(events, event{watch.Added, o.Object})
			}
		}
		return events, c.revision, false, c.changed
	}
	if seen < c.compacted {
		return nil, 0, true, nil
	}
	for _, past := range c.history {
		if past.revision <= seen || past.kind != k {
			continue
		}
		before, after := matches(past.before), past.event != watch.Deleted && matches(past.object)
		switch {
		case before && after:
			events = append(events, event{watch.Modified, past.object.Object})
		case after:
			events = append(events, event{watch.Added, past.object.Object})
		case before: // it was deleted, or is none of those that were asked for any more
			events = append(events, event{watch.Deleted, past.object.Object})
		}
	}
	return events, c.revision, false, c.changed
}
