// Package podlog follows what the pods of a workload print, and the cluster's events about them, over pods that come
// and go. It knows nothing of dev mode.
package podlog

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Options say what is followed.
type Options struct {
	Workload workload.Ref
	// Container is the only one that is shown; empty means all.
	Container string
	// Tail limits each container's output to its last lines; 0 means all that there is.
	Tail int64
	// Follow goes on with what comes, until ctx ends.
	Follow bool
	// Events has the cluster's events about the workload and its pods, too.
	Events bool
}

// Streams of what is told, next to those of a container, which the API server does not tell apart.
const (
	Output = "stdout"
	Event  = "event"
)

// pause is how long it takes at most to notice a new pod, or an event.
const pause = 2 * time.Second

// longest limits a line, in bytes. What comes behind is a line of its own.
const longest = 64 << 10

// Follow tells line by line. It returns when all has been told, or with Follow when ctx ends, which is no error.
func Follow(ctx context.Context, c *kube.Client, o Options, tell func(event.LogData)) error {
	selector, err := selectorOf(ctx, c, o.Workload)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &follower{
		cluster:  c,
		options:  o,
		selector: selector,
		tell:     tell,
		last:     map[source]*position{},
		told:     map[string]bool{},
	}
	defer f.working.Wait()
	defer cancel()
	for {
		if err := f.look(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if !o.Follow {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// selectorOf is what a workload's pods are found by: labels, or for a pod its name.
func selectorOf(ctx context.Context, c *kube.Client, ref workload.Ref) (metav1.ListOptions, error) {
	if ref.Kind == workload.Pod {
		return metav1.ListOptions{FieldSelector: "metadata.name=" + ref.Name}, nil
	}
	resource := c.Dynamic.Resource(ref.Kind.Resource()).Namespace(c.Namespace)
	object, err := resource.Get(ctx, ref.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return metav1.ListOptions{}, problem.New(problem.NotFound, "namespace %s has no %s %q", c.Namespace, ref.Kind,
			ref.Name)
	case err != nil:
		return metav1.ListOptions{}, fmt.Errorf("read %s: %w", ref, c.Explain(err))
	}
	labels, err := workload.Selector(object)
	if err != nil || labels == nil {
		return metav1.ListOptions{}, problem.New(problem.Usage, "%s does not say which pods are its own", ref).
			WithHint("name one of its pods, or the Job that a CronJob has made: pod/NAME")
	}
	selector, err := metav1.LabelSelectorAsSelector(labels)
	if err != nil {
		return metav1.ListOptions{}, fmt.Errorf("the selector of %s: %w", ref, err)
	}
	return metav1.ListOptions{LabelSelector: selector.String()}, nil
}

// source is a container of a pod.
type source struct{ uid, pod, container string }

// position is how far a source's output has been told.
type position struct {
	last time.Time
	open bool
	// restarts is how often the container had been restarted when it was opened last.
	restarts int32
}

type follower struct {
	cluster  *kube.Client
	options  Options
	selector metav1.ListOptions

	telling sync.Mutex // one line at a time
	tell    func(event.LogData)

	working sync.WaitGroup
	mu      sync.Mutex
	last    map[source]*position
	told    map[string]bool // events, by UID and count
}

// look opens the output of containers that have some, and tells of events. Without Follow it waits for the outputs.
func (f *follower) look(ctx context.Context) error {
	list, err := f.cluster.API.CoreV1().Pods(f.cluster.Namespace).List(ctx, f.selector)
	if err != nil {
		return fmt.Errorf("list the pods of %s: %w", f.options.Workload, f.cluster.Explain(err))
	}
	slices.SortFunc(list.Items, func(a, b corev1.Pod) int { return cmp.Compare(a.Name, b.Name) })
	for i := range list.Items {
		for _, s := range sourcesOf(&list.Items[i], f.options.Container) {
			if p := f.begin(s); p != nil {
				f.working.Go(func() { f.follow(ctx, s.source, p) })
				if !f.options.Follow {
					f.working.Wait() // pod by pod, so that their lines don't mix
				}
			}
		}
	}
	if f.options.Events {
		return f.events(ctx, list.Items)
	}
	return nil
}

// started is a container that has run.
type started struct {
	source
	restarts int32
	running  bool
}

// sourcesOf are the containers of a pod that have output.
func sourcesOf(pod *corev1.Pod, container string) []started {
	var all []started
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		ran := s.State.Running != nil || s.State.Terminated != nil || s.RestartCount > 0
		if ran && (container == "" || container == s.Name) {
			all = append(all, started{
				source:   source{uid: string(pod.UID), pod: pod.Name, container: s.Name},
				restarts: s.RestartCount,
				running:  s.State.Running != nil,
			})
		}
	}
	return all
}

// begin is the position of a source that is to be opened; nil where it is open, or has nothing new.
func (f *follower) begin(s started) *position {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.last[s.source]
	switch {
	case p == nil:
		p = &position{}
		f.last[s.source] = p
	case p.open || !s.running && p.restarts == s.restarts:
		return nil
	}
	p.open, p.restarts = true, s.restarts
	return p
}

// follow tells what a container prints, until its output ends.
func (f *follower) follow(ctx context.Context, s source, p *position) {
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		p.open = false
	}()
	options := &corev1.PodLogOptions{Container: s.container, Follow: f.options.Follow, Timestamps: true}
	if !p.last.IsZero() {
		since := metav1.NewTime(p.last)
		options.SinceTime = &since
	} else if f.options.Tail > 0 {
		options.TailLines = &f.options.Tail
	}
	stream, err := f.cluster.API.CoreV1().Pods(f.cluster.Namespace).GetLogs(s.pod, options).Stream(ctx)
	if err != nil {
		if ctx.Err() == nil {
			text := f.cluster.Explain(err).Error()
			f.say(event.LogData{Time: time.Now(), Stream: "nhctl", Text: text, Pod: s.pod, Container: s.container})
		}
		return
	}
	defer stream.Close()
	for line := range lines(stream) {
		at, text := stamped(line)
		if !at.IsZero() && !at.After(p.last) {
			continue // SinceTime counts in seconds
		}
		if !at.IsZero() {
			p.last = at
		}
		f.say(event.LogData{Time: at, Stream: Output, Text: text, Pod: s.pod, Container: s.container})
	}
}

// lines are those of a stream, until it ends. One that is too long comes in parts.
func lines(stream io.Reader) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		r := bufio.NewReaderSize(stream, longest)
		for {
			line, _, err := r.ReadLine()
			if err != nil || !yield(string(line)) {
				return
			}
		}
	}
}

// stamped splits a line into its time and its text.
func stamped(line string) (time.Time, string) {
	stamp, text, ok := strings.Cut(line, " ")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if !ok || err != nil {
		return time.Time{}, line
	}
	return at, text
}

func (f *follower) say(l event.LogData) {
	f.telling.Lock()
	defer f.telling.Unlock()
	f.tell(l)
}

// events tells of those that are new, the oldest first.
func (f *follower) events(ctx context.Context, pods []corev1.Pod) error {
	list, err := f.cluster.API.CoreV1().Events(f.cluster.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list the events of %s: %w", f.options.Workload, f.cluster.Explain(err))
	}
	slices.SortStableFunc(list.Items, func(a, b corev1.Event) int { return timeOf(a).Compare(timeOf(b)) })
	for _, e := range list.Items {
		id := fmt.Sprint(e.UID, " ", e.Count)
		if f.told[id] || !about(e, f.options.Workload, pods) {
			continue
		}
		f.told[id] = true
		object := strings.ToLower(e.InvolvedObject.Kind) + "/" + e.InvolvedObject.Name
		f.say(event.LogData{
			Time:   timeOf(e),
			Stream: Event,
			Text:   fmt.Sprintf("%s %s %s: %s", e.Type, e.Reason, object, e.Message),
		})
	}
	return nil
}

// about says whether an event is about a workload, a pod of its, or what lies between them: that has the workload's
// name before its own.
func about(e corev1.Event, ref workload.Ref, pods []corev1.Pod) bool {
	o := e.InvolvedObject
	switch {
	case o.Kind == "Pod":
		return slices.ContainsFunc(pods, func(p corev1.Pod) bool { return p.Name == o.Name })
	case o.Kind == "ReplicaSet" && ref.Kind == workload.Deployment:
		at := strings.LastIndexByte(o.Name, '-') // what comes behind it is a hash
		return at >= 0 && o.Name[:at] == ref.Name
	}
	return strings.EqualFold(o.Kind, string(ref.Kind)) && o.Name == ref.Name
}

func timeOf(e corev1.Event) time.Time {
	if e.LastTimestamp.IsZero() {
		return e.EventTime.Time
	}
	return e.LastTimestamp.Time
}
