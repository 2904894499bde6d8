// Package eventlog hands the sync model's events to those who subscribed to them, and drops none.
//
// syncthing's own log drops an event when handing it over takes more than 15 ms, as it may on a busy computer even
// where the reader waits for it. Here the model sends its index by events, and hot reload begins by them: a lost one
// would delay a deletion by a minute, or leave a program as it was.
package eventlog

import (
	"context"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/events"
)

// Log is an events.Logger.
type Log struct {
	mu    sync.Mutex
	subs  map[*subscription]bool
	ended bool
	count int
}

var _ events.Logger = (*Log)(nil)

// New returns a log that no one has subscribed to.
func New() *Log { return &Log{subs: map[*subscription]bool{}} }

// Serve ends all subscriptions when ctx ends.
func (l *Log) Serve(ctx context.Context) error {
	<-ctx.Done()
	l.mu.Lock()
	l.ended = true
	subs := l.subs
	l.subs = nil
	l.mu.Unlock()
	for s := range subs {
		s.end()
	}
	return nil
}

// Log tells the subscribers of an event. It does not wait for them.
func (l *Log) Log(t events.EventType, data any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	e := events.Event{GlobalID: l.count, Time: time.Now(), Type: t, Data: data}
	for s := range l.subs {
		if s.mask&t != 0 {
			s.add(e)
		}
	}
}

// Subscribe returns a subscription to the types of a mask, from now on.
func (l *Log) Subscribe(mask events.EventType) events.Subscription {
	s := &subscription{
		log:  l,
		mask: mask,
		c:    make(chan events.Event),
		stop: make(chan struct{}),
		wake: make(chan struct{}, 1),
	}
	go s.deliver()
	l.mu.Lock()
	ended := l.ended
	if !ended {
		l.subs[s] = true
	}
	l.mu.Unlock()
	if ended {
		s.end()
	}
	return s
}

// subscription keeps the events that its reader has not taken yet.
type subscription struct {
	log  *Log
	mask events.EventType
	c    chan events.Event // closed by deliver, at its end
	stop chan struct{}
	once sync.Once
	wake chan struct{}

	mu    sync.Mutex
	queue []events.Event
	count int
}

func (s *subscription) add(e events.Event) {
	s.mu.Lock()
	s.count++
	e.SubscriptionID = s.count
	s.queue = append(s.queue, e)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default: // it is awake already
	}
}

// deliver gives the reader one event after the other, until the subscription ends.
func (s *subscription) deliver() {
	defer close(s.c)
	for {
		select {
		case <-s.stop:
			return
		case <-s.wake:
		}
		s.mu.Lock()
		waiting := s.queue
		s.queue = nil
		s.mu.Unlock()
		for _, e := range waiting {
			select {
			case <-s.stop:
				return
			case s.c <- e:
			}
		}
	}
}

// end has deliver close the channel.
func (s *subscription) end() { s.once.Do(func() { close(s.stop) }) }

// C is the channel of the events. It is closed when the subscription ends.
func (s *subscription) C() <-chan events.Event { return s.c }

// Poll returns the next event, events.ErrTimeout, or events.ErrClosed at the end of the subscription.
func (s *subscription) Poll(timeout time.Duration) (events.Event, error) {
	limit := time.NewTimer(timeout)
	defer limit.Stop()
	select {
	case e, ok := <-s.c:
		if !ok {
			return e, events.ErrClosed
		}
		return e, nil
	case <-limit.C:
		return events.Event{}, events.ErrTimeout
	}
}

// Mask is the types of events that were subscribed to.
func (s *subscription) Mask() events.EventType { return s.mask }

// Unsubscribe ends the subscription.
func (s *subscription) Unsubscribe() {
	s.log.mu.Lock()
	delete(s.log.subs, s)
	s.log.mu.Unlock()
	s.end()
}
